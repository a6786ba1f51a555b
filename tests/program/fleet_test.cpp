// The fleet alone, with real plugin hosts and without a database: what comes too seldom to be met from
// outside.
#include "fleet/fleet.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <optional>
#include <thread>
#include <type_traits>

#include "support/program.hpp"
#include "support/wait.hpp"

namespace sluice::test {
namespace {

using fleet::Plugin;
using job::Finished;

/// A fleet whose loop runs in a thread of its own, until the end of the test.
class RunningFleet : public fleet::Listener {
 public:
  RunningFleet(const std::vector<std::string>& files, fleet::Options options)
      : fleet_(std::move(options), *this) {
    fleet_.load(files);
    thread_ = std::thread([this] { fleet_.run(); });
  }
  ~RunningFleet() override {
    tell([this] {
      fleet_.stop(std::chrono::seconds(0));
      fleet_.kill_all();
    });
    fleet_.release();
    thread_.join();
    prctl(PR_SET_CHILD_SUBREAPER, 0);  // other tests look for processes that have ended
    prctl(PR_SET_DUMPABLE, 1);
  }

  /// Calls `step` in the loop.
  void tell(const std::function<void()>& step) {
    std::promise<void> done;
    fleet_.post([&] {
      step();
      done.set_value();
    });
    done.get_future().get();
  }
  /// Likewise. Returns the answer.
  template <class Question>
  std::invoke_result_t<Question> ask(Question question) {
    std::optional<std::invoke_result_t<Question>> answer;
    tell([&] { answer = question(); });
    return *answer;
  }
  fleet::Fleet& fleet() { return fleet_; }
  Plugin plugin() {
    return ask([this] { return fleet_.plugins().front(); });
  }
  bool is_settled() {
    return ask([this] { return fleet_.is_round_over(); });
  }
  void deliver(const std::string& id, const std::string& type, const std::string& payload) {
    job::Job job;
    job.id = id;
    job.type = type;
    job.claim = 1;
    job.max_attempts = 10;
    job.payload = payload;
    std::vector<job::Job> jobs;
    jobs.push_back(std::move(job));
    fleet_.deliver(std::move(jobs));
  }
  /// What came back of that job.
  std::vector<Finished> returned(const std::string& id) {
    return ask([&] {
      std::vector<Finished> its;
      std::copy_if(returned_.begin(), returned_.end(), std::back_inserter(its),
                   [&](const Finished& one) { return one.job.id == id; });
      return its;
    });
  }
  std::vector<fleet::RunningJob> running() {
    return ask([this] { return fleet_.running(std::chrono::microseconds(0)); });
  }
  /// Looked at whenever the fleet says that a plugin changed.
  std::function<void(const Plugin&)> on_change = [](const Plugin&) {};

 private:
  void on_returned(std::vector<Finished> jobs) override {
    std::move(jobs.begin(), jobs.end(), std::back_inserter(returned_));
  }
  void on_changed(std::size_t plugin) override { on_change(fleet_.plugins()[plugin]); }

  fleet::Fleet fleet_;
  std::vector<Finished> returned_;  // the loop's
  std::thread thread_;
};

std::string built(const std::string& plugin) {
  return std::string(SLUICE_TEST_PLUGINS) + "/" + plugin + ".so";
}

class OneFleet : public testing::Test {
 protected:
  /// Without time limits.
  static fleet::Options options(const std::string& config = "{}") {
    fleet::Options options;
    options.settings = [config](const job::PluginSpec& plugin) {
      fleet::HostSettings settings;
      settings.config = config;
      settings.limits.resize(plugin.types.size());
      settings.cpu_limits.resize(plugin.types.size());
      return settings;
    };
    return options;
  }
  /// By renaming, as a deployment does.
  void put(const std::string& edition) {
    std::filesystem::copy_file(built("editions/" + edition), scratch.path("new"));
    std::filesystem::rename(scratch.path("new"), file);
  }
  void overwrite(const std::string& edition) {
    std::ifstream from(built("editions/" + edition), std::ios::binary);
    std::ofstream to(file, std::ios::binary | std::ios::trunc);
    to << from.rdbuf();
  }
  std::string waiting() const {
    return R"({"file":")" + scratch.path("ran") + R"(","until":")" + scratch.path("go") + "\"}";
  }
  /// The host of the only plugin, once it is another process than `before`.
  static pid_t only_child(pid_t before) {
    pid_t child = 0;
    const bool found = eventually([&] {
      child = 0;
      for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream children(thread.path() / "children");
        for (pid_t one = 0; children >> one;) child = one;
      }
      return child != 0 && child != before;
    });
    return found ? child : 0;
  }

  Scratch scratch;
  std::string file = scratch.path("edition.so");
};

TEST_F(OneFleet, GivesBackASuspectThatComesAfterAStopBegan) {
  RunningFleet running({built("good/probe")}, options());
  ASSERT_TRUE(eventually([&] { return running.plugin().usable(); }));
  running.deliver("suspect", "test.probe", R"({"do":"exit_unseen"})");
  ASSERT_TRUE(eventually([&] { return running.returned("suspect").size() == 1; }));
  EXPECT_EQ(running.returned("suspect")[0].outcome.result, job::Result::released)
      << "nobody saw who ended its host";
  ASSERT_TRUE(eventually([&] { return running.plugin().ready_hosts == 1; }));
  running.tell([&] { running.fleet().stop(std::chrono::seconds(20)); });
  running.deliver("suspect", "test.probe", R"({"do":"ok"})");
  ASSERT_TRUE(eventually([&] { return running.returned("suspect").size() == 2; }))
      << "it must not wait for a host of its own, which does not come any more";
  EXPECT_EQ(running.returned("suspect")[1].outcome.result, job::Result::released);
}

TEST_F(OneFleet, JobsOfACanaryMakeNoRoomWhileThePresentVersionHasNoHost) {
  put("edition_1");
  RunningFleet running({file}, options());
  ASSERT_TRUE(eventually([&] { return running.plugin().usable(); }));
  running.deliver("first", "test.edition", R"({"file":")" + scratch.path("ran") + "\"}");
  ASSERT_TRUE(eventually([&] { return running.returned("first").size() == 1; }));
  const pid_t present = running.returned("first")[0].host;
  put("edition_2");
  running.tell([&] {
    running.fleet().reload({file}, {}, fleet::CanaryPlan{0.5, std::chrono::hours(1), 100});
  });
  ASSERT_TRUE(eventually([&] { return running.plugin().canary.has_value(); }));
  const auto runs_in_canary = [&] {
    const auto jobs = running.running();
    return std::any_of(jobs.begin(), jobs.end(), [&](const auto& job) { return job.host != present; });
  };
  for (int i = 0; i < 8; ++i) running.deliver("waits-" + std::to_string(i), "test.edition", waiting());
  ASSERT_TRUE(eventually(runs_in_canary));
  int looks = 0, most = 0;
  running.tell([&] {
    running.on_change = [&](const Plugin& plugin) {
      if (plugin.ready_hosts > 0) return;
      ++looks;
      most = std::max(most, plugin.ready_slots);
    };
  });
  ASSERT_EQ(kill(present, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return running.ask([&] { return looks; }) > 0; }));
  EXPECT_EQ(running.ask([&] { return most; }), 0) << "jobs would be claimed and given back, again and again";
  EXPECT_TRUE(runs_in_canary());
  running.tell([&] { running.on_change = [](const Plugin&) {}; });
  scratch.write("go", "");
}

class Fallback : public OneFleet {
 protected:
  Fallback() {
    scratch.write("gate", "");
    put("edition_2");
  }
  /// A configuration with which init waits for the file "gate".
  std::string waits_for_gate() const { return R"({"gate":")" + scratch.path("gate") + "\"}"; }
  /// The new file serves already, so it is no canary.
  void expect_no_canary(RunningFleet& running) {
    ASSERT_TRUE(eventually([&] { return running.plugin().ready_hosts == 1; })) << running.plugin().reason;
    EXPECT_EQ(running.plugin().spec.version, "2.1.0");
    running.tell([&] { running.fleet().reload({file}, {}, fleet::CanaryPlan{}); });
    ASSERT_TRUE(eventually([&] { return running.is_settled(); }));
    EXPECT_FALSE(running.plugin().canary.has_value()) << "it would be compared with itself";
    EXPECT_EQ(running.plugin().generation, 1);
  }
};

TEST_F(Fallback, AFileThatHostsWereStartedFromIsNotTriedBesideItself) {
  RunningFleet running({file}, options(waits_for_gate()));
  ASSERT_TRUE(eventually([&] { return running.plugin().ready_hosts == 1; }));
  std::filesystem::remove(scratch.path("gate"));
  put("edition_fails");
  const pid_t first = only_child(0);
  kill(first, SIGKILL);
  const pid_t second = only_child(first);
  ASSERT_NE(second, 0);
  EXPECT_EQ(running.plugin().spec.version, "2.0.0") << "from its own file";
  ASSERT_TRUE(
      eventually([&] { return running.ask([&] { return running.fleet().hosts(0)["starting"] == 1; }); }));
  kill(second, SIGKILL);  // it did not start, so the file at the path is next
  scratch.write("gate", "");
  expect_no_canary(running);
}

TEST_F(Fallback, AFileThatWasOverwrittenIsNotTriedBesideItself) {
  RunningFleet running({file}, options(waits_for_gate()));
  ASSERT_TRUE(eventually([&] { return running.plugin().ready_hosts == 1; }));
  const pid_t first = only_child(0);
  kill(first, SIGSTOP);  // it would crash by itself, sooner or later
  overwrite("edition_fails");
  kill(first, SIGKILL);
  ASSERT_TRUE(eventually([&] { return running.plugin().restarts == 1; }));
  expect_no_canary(running);
}

}  // namespace
}  // namespace sluice::test
