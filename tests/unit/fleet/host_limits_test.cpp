#include "fleet/host_limits.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleet/host_gauge.hpp"

namespace sluice::fleet {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t megabyte = 1'000'000;

job::HostLimits of_memory(std::int64_t megabytes) {
  job::HostLimits limits;
  limits.memory = megabytes * megabyte;
  return limits;
}

HostUsage usage(std::int64_t own, std::int64_t all, int tasks = 6) {
  return {own * megabyte, all * megabyte, tasks};
}

TEST(HostLimits, AHostThatTakesMoreThanItsLimitExceedsIt) {
  const auto found = excess(of_memory(512), usage(530, 530), {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, "memory");
  EXPECT_EQ(found->words, "took 530.0 MB, and its limit is 512.0 MB (memory)");
  EXPECT_FALSE(excess(of_memory(512), usage(512, 512), usage(512, 512)));
  EXPECT_FALSE(excess({}, usage(9'000, 9'000), usage(9'000, 9'000)));
}

TEST(HostLimits, AHostAndItsProcessesTogetherMustExceedItTwice) {
  EXPECT_FALSE(excess(of_memory(512), usage(300, 600), usage(300, 300)));
  EXPECT_TRUE(excess(of_memory(512), usage(300, 600), usage(300, 590)));
}

TEST(HostLimits, ProcessesAndThreadsAreCountedTogether) {
  job::HostLimits limits;
  limits.tasks = 20;
  EXPECT_FALSE(excess(limits, usage(1, 1, 20), {}));
  const auto found = excess(limits, usage(1, 1, 21), {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, "tasks");
  EXPECT_EQ(found->words, "had 21 processes and threads, and its limit is 20 (tasks)");
}

TEST(HostLimits, AHostIsRelievedAtItsMarks) {
  job::HostLimits limits;
  limits.recycle_jobs = 1000;
  limits.recycle_age = hours(1);
  limits.recycle_memory = 300 * megabyte;
  EXPECT_FALSE(recycle_reason(limits, usage(300, 300), {999, hours(1) - seconds(1)}));
  EXPECT_EQ(recycle_reason(limits, usage(1, 1), {1003, seconds(1)}),
            "that one has run 1003 jobs (recycle_jobs)");
  EXPECT_EQ(recycle_reason(limits, usage(1, 1), {1, hours(1)}), "that one is 1 h old (recycle_age)");
  EXPECT_EQ(recycle_reason(limits, usage(310, 310), {1, seconds(20)}),
            "that one takes 310.0 MB, more than 300.0 MB (recycle_memory)");
  EXPECT_FALSE(recycle_reason(limits, usage(310, 310), {1, seconds(1)}))
      << "a plugin that takes as much from the start is not replaced without end";
  EXPECT_FALSE(recycle_reason({}, usage(9'000, 9'000), {1'000'000, hours(1000)}));
}

TEST(HostLimits, OnlyWhatIsNeededIsLookedAt) {
  job::HostLimits limits;
  EXPECT_FALSE(is_watched(limits));
  limits.open_files = 64;
  EXPECT_FALSE(is_watched(limits));
  limits.recycle_jobs = 1;
  EXPECT_TRUE(is_watched(limits));
  EXPECT_FALSE(is_measured(limits));
  limits.tasks = 8;
  EXPECT_TRUE(is_measured(limits));
  EXPECT_EQ(least_memory_mark(limits), std::nullopt);
  limits.recycle_memory = 300;
  EXPECT_EQ(least_memory_mark(limits), 300);
  limits.memory = 512;
  EXPECT_EQ(least_memory_mark(limits), 300);
}

TEST(HostLimits, TheKernelGetsTheOnesOfAProcess) {
  job::HostLimits limits = of_memory(100);
  limits.open_files = 64;
  limits.core = 0;
  const auto list = kernel_limits(limits, 4, 8 * megabyte);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].resource, RLIMIT_DATA);
  EXPECT_EQ(list[0].value, (2 * 100 + 4 * 8 + 512) * megabyte);
  EXPECT_EQ(list[1].resource, RLIMIT_NOFILE);
  EXPECT_EQ(list[1].value, 64U);
  EXPECT_EQ(list[2].key, "core");
  EXPECT_EQ(list[2].value, 0U);
}

TEST(HostLimits, AFailureNamesTheLimitThatCausedIt) {
  job::HostLimits limits;
  limits.open_files = 64;
  job::Outcome outcome;
  outcome.result = job::Result::fail;
  outcome.error = "open: Too many open files";
  name_limit(outcome, limits);
  EXPECT_EQ(outcome.error, "open: Too many open files; the plugin's limit is 64 (open_files)");
  outcome.error = "write: File too large";
  name_limit(outcome, limits);
  EXPECT_EQ(outcome.error, "write: File too large") << "it has no limit of files' sizes";
  limits.file_size = 1'500'000;
  name_limit(outcome, limits);
  EXPECT_EQ(outcome.error, "write: File too large; the plugin's limit is 1500kB (file_size)");
}

/// A process that waits until it is killed.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ != 0) return;
    for (;;) pause();
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  pid_t pid_;
};

TEST(HostGauge, CountsAProcessAndItsChildrenAndDividesWhatTheyShare) {
  const std::vector<char> memory(100'000'000, 'm');
  Spawned self;
  self.pid = getpid();
  HostGauge gauge;
  const HostUsage alone = gauge.measure(self, 0);
  EXPECT_GT(alone.own_memory, 100'000'000);
  EXPECT_EQ(alone.memory, alone.own_memory);
  {
    const Child child;
    const HostUsage both = gauge.measure(self, 0);
    EXPECT_GT(both.tasks, alone.tasks);
    EXPECT_LT(both.memory, alone.memory + 50'000'000) << "the child has the same memory";
    EXPECT_LT(both.own_memory, alone.own_memory * 4 / 5);
    EXPECT_GT(gauge.measure(self, 10'000'000'000).memory, 200'000'000) << "below the mark it counts twice";
  }
  EXPECT_EQ(gauge.measure(self, std::nullopt).tasks, alone.tasks);
  EXPECT_EQ(memory.back(), 'm');
  self.pid = 0;  // no process has this number
  EXPECT_EQ(gauge.measure(self, 0).tasks, 0);
}

TEST(HostLimits, AHostInAControlGroupExceedsWhatTheKernelRefusedIt) {
  job::HostLimits limits;
  limits.memory = 512'000'000;
  limits.tasks = 64;
  const GroupEvents none{0, 0, 0, 64};
  EXPECT_FALSE(excess(limits, none, none)) << "at its limit, and content";
  const auto memory = excess(limits, GroupEvents{1, 3, 0, 0}, none);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->code, "memory");
  EXPECT_EQ(memory->words, "reached its limit of 512.0 MB (memory)");
  EXPECT_FALSE(excess(limits, GroupEvents{1, 0, 0, 0}, none))
      << "memory was found before anything was killed";
  EXPECT_FALSE(excess(limits, GroupEvents{0, 1, 0, 0}, none)) << "the machine had no memory left";
  const auto tasks = excess(limits, GroupEvents{0, 0, 7, 64}, none);
  ASSERT_TRUE(tasks);
  EXPECT_EQ(tasks->code, "tasks");
  EXPECT_EQ(tasks->words, "reached its limit of 64 processes and threads (tasks)");
  EXPECT_FALSE(excess(limits, GroupEvents{0, 0, 7, 20}, none)) << "it goes on with fewer";
  EXPECT_FALSE(excess(limits, GroupEvents{0, 0, 7, 64}, GroupEvents{0, 0, 7, 64})) << "that was before";
}

TEST(HostLimits, TheEndOfAHostNamesWhatItsControlGroupRefused) {
  job::HostLimits limits;
  limits.tasks = 64;
  EXPECT_EQ(group_words(limits, {}), "");
  EXPECT_EQ(group_words(limits, GroupEvents{0, 1, 0, 0}),
            "no memory was left for it, though it had not reached a limit of its own");
  EXPECT_EQ(group_words(limits, GroupEvents{0, 0, 1, 0}),
            "it had reached its limit of 64 processes and threads (tasks)");
}

TEST(HostLimits, WordsNameTheirKeeper) {
  job::HostLimits limits;
  limits.memory = 512'000'000;
  limits.tasks = 64;
  limits.nice = 3;
  EXPECT_EQ(job::words_of(limits, "control group"),
            (std::vector<std::string>{"memory 512MB (control group)", "tasks 64 (control group)", "nice 3"}));
}

}  // namespace
}  // namespace sluice::fleet
