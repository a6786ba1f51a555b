// Renderers that hang, die and run in parallel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <set>
#include <thread>

#include "support/wait.hpp"
#include "workshop.hpp"

using sluice::test::cpu_ticks;
using sluice::test::eventually;
using sluice::test::has_ended;
using sluice::test::LoadedPlugin;
using sluice::test::renderers;
using sluice::test::Scratch;
using sluice::test::Workshop;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

constexpr const char* endless_if_asked =
    "{% if endless is defined %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor "
    "%}"
    "{% endif %}<p>done";

/// A job that never ends by itself, already running in its own thread.
class EndlessJob {
 public:
  explicit EndlessJob(Workshop& shop)
      : job_(sluice::test::payload("under-test", R"({"endless": true})", "endless.pdf")) {
    shop.plugin();
    if (renderers().empty()) {
      EXPECT_EQ(shop.run().result, SLUICE_DONE);
    }
    renderer_ = renderers().at(0);
    const long before = cpu_ticks(renderer_);
    thread_ = std::thread([this, &shop] { outcome_ = shop.run(job_); });
    EXPECT_TRUE(eventually([&] { return cpu_ticks(renderer_) > before + 5; }));
  }
  ~EndlessJob() {
    job_.cancel();
    if (thread_.joinable()) thread_.join();
  }
  EndlessJob(const EndlessJob&) = delete;
  EndlessJob& operator=(const EndlessJob&) = delete;

  int renderer() const { return renderer_; }
  void cancel() { job_.cancel(); }
  const sluice::testing::Outcome& outcome() {
    thread_.join();
    return outcome_;
  }

 private:
  sluice::testing::FakeJob job_;
  sluice::testing::Outcome outcome_{};
  std::thread thread_;
  int renderer_ = 0;
};

/// All tests share a renderer, because starting one takes most of a second.
class PdfRenderer : public sluice::test::SharedWorkshop<PdfRenderer> {};

TEST_F(PdfRenderer, ServesAllJobsOfASlot) {
  Workshop& shop = with_template(endless_if_asked);
  shop.plugin();
  const auto first = renderers();
  ASSERT_THAT(first, SizeIs(1));
  for (const char* id : {"1", "2", "3"}) {
    EXPECT_EQ(shop.run("under-test", "{}", std::string(id) + ".pdf", id).result, SLUICE_DONE);
  }
  EXPECT_EQ(renderers(), first);
}

TEST(PdfProcesses, TheTimeLimitKillsTheRendererAndRetries) {
  Workshop shop(endless_if_asked);
  shop.configure(R"("time_limit_s": 1)");
  const auto outcome = shop.run("under-test", R"({"endless": true})");
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "over-time");
  EXPECT_THAT(renderers(), IsEmpty());
  EXPECT_THAT(shop.files(), IsEmpty());

  sluice::testing::FakeJob second(sluice::test::payload("under-test", R"({"endless": true})", "a.pdf"));
  const auto last = shop.run(second.attempt(2, 12));
  EXPECT_EQ(last.result, SLUICE_FAIL);
  EXPECT_EQ(last.code, "over-time");
  EXPECT_THAT(last.error, HasSubstr("tried 2 times, and is not retried"));
}

TEST_F(PdfRenderer, IsKilledIfItsJobIsCancelled) {
  Workshop& shop = with_template(endless_if_asked);
  EndlessJob job(shop);
  job.cancel();
  EXPECT_EQ(job.outcome().result, SLUICE_CANCELLED);
  EXPECT_THAT(renderers(), IsEmpty());
  EXPECT_EQ(shop.run().result, SLUICE_DONE);
}

TEST_F(PdfRenderer, KilledDuringAJobRetriesAndIsReplaced) {
  Workshop& shop = with_template(endless_if_asked);
  EndlessJob job(shop);
  kill(job.renderer(), SIGKILL);
  const auto outcome = job.outcome();
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "renderer-died");
  EXPECT_THAT(outcome.error, HasSubstr("signal 9"));
  EXPECT_EQ(shop.run().result, SLUICE_DONE);
}

TEST_F(PdfRenderer, ThatExceedsItsCpuTimeEndsAsOverTime) {
  Workshop& shop = with_template(endless_if_asked);
  EndlessJob job(shop);
  kill(job.renderer(), SIGXCPU);
  EXPECT_EQ(job.outcome().code, "over-time");
}

TEST_F(PdfRenderer, KilledWhileIdleIsReplacedWithoutAFailure) {
  Workshop& shop = with_template(endless_if_asked);
  EXPECT_EQ(shop.run().result, SLUICE_DONE);
  const int first = renderers().at(0);
  kill(first, SIGKILL);
  ASSERT_TRUE(eventually([&] { return has_ended(first); }));
  EXPECT_EQ(shop.run().result, SLUICE_DONE);
  ASSERT_THAT(renderers(), SizeIs(1));
  EXPECT_NE(renderers().at(0), first);
}

TEST(PdfProcesses, ExceedingTheMemoryLimitRetriesInANewRenderer) {
  Workshop shop("{% if large is defined %}{{ ('x' * 2000000000) | length }}{% endif %}<p>x");
  shop.configure(R"("memory_mb": 512)");
  shop.plugin();
  const auto first = renderers();
  const auto outcome = shop.run("under-test", R"({"large": true})");
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "over-memory");
  EXPECT_THAT(outcome.error, HasSubstr("512 MB"));
  EXPECT_EQ(shop.run().result, SLUICE_DONE);
  EXPECT_NE(renderers(), first);

  sluice::testing::FakeJob second(sluice::test::payload("under-test", R"({"large": true})", "b.pdf"));
  const auto last = shop.run(second.attempt(2, 12));
  EXPECT_EQ(last.result, SLUICE_FAIL);
  EXPECT_EQ(last.code, "over-memory");
}

// Root can read every file, so this is the real renderer with a function to read templates that fails.
TEST(PdfProcesses, ATemplateThatCannotBeReadIsRetried) {
  Workshop shop("<p>x");
  const auto script = shop.scratch().write("renderer.py",
                                           "import sys\n"
                                           "sys.path.insert(0, '" SLUICE_PDF_RENDERER
                                           "')\n"
                                           "import pages\n"
                                           "def read(*_): raise OSError(5, 'Input/output error')\n"
                                           "pages.Folder.get_source = read\n"
                                           "import renderer\n"
                                           "renderer.main()\n");
  shop.configure(R"("renderer": ")" + script + "\"");
  const auto outcome = shop.run();
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "renderer-io");
  EXPECT_THAT(outcome.error, HasSubstr("Input/output error"));
}

TEST(PdfProcesses, ARendererThatDoesNotStartReportsTheReason) {
  Workshop shop("<p>x");
  const auto script = shop.scratch().write("renderer.py", "raise SystemExit('no fonts today')");
  shop.configure(R"("renderer": ")" + script + "\"");
  try {
    shop.plugin();
    FAIL() << "it started";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("exit status 1; it printed: no fonts today"));
  }
}

/// Makes this process create its temporary files in a directory that belongs to the test.
class TemporaryFiles {
 public:
  TemporaryFiles() : before_(std::filesystem::temp_directory_path()) {
    setenv("TMPDIR", folder_.path().c_str(), 1);
  }
  ~TemporaryFiles() { setenv("TMPDIR", before_.c_str(), 1); }
  TemporaryFiles(const TemporaryFiles&) = delete;
  TemporaryFiles& operator=(const TemporaryFiles&) = delete;

  bool are_none() const { return std::filesystem::is_empty(folder_.path()); }

 private:
  const std::string before_;
  const Scratch folder_;
};

TEST(PdfProcesses, NothingIsLeftBehind) {
  const TemporaryFiles temporary;
  {
    Workshop shop(endless_if_asked);
    EndlessJob job(shop);
    EXPECT_FALSE(temporary.are_none());
  }
  EXPECT_TRUE(temporary.are_none());
  EXPECT_THAT(renderers(), IsEmpty());
}

/// Two slots of one plugin, each opened and used by its own thread, as in the runtime.
class TwoSlots {
 public:
  explicit TwoSlots(const std::string& config) : plugin_(SLUICE_PDF_PLUGIN, config), config_(config) {
    const sluice_str text{config_.data(), config_.size()};
    if (plugin_.descriptor().init(&plugin_.host().raw(), text, &self_) != 0) throw std::runtime_error("init");
  }
  ~TwoSlots() { plugin_.descriptor().shutdown(self_); }
  TwoSlots(const TwoSlots&) = delete;
  TwoSlots& operator=(const TwoSlots&) = delete;

  /// Calls `work(run, slot)` in each slot's thread.
  template <class Work>
  void both(Work work) {
    std::array<std::thread, 2> threads;
    for (std::uint32_t i = 0; i < threads.size(); ++i) {
      threads[i] = std::thread([this, i, &work] { in_slot(i, work); });
    }
    for (auto& thread : threads) thread.join();
  }

 private:
  template <class Work>
  void in_slot(std::uint32_t number, Work& work) {
    const sluice::testing::FakeHost host(2);
    void* slot = nullptr;
    ASSERT_EQ(plugin_.descriptor().slot_open(self_, &host.raw(), number, &slot), 0) << host.error();
    work(number,
         [&](sluice::testing::FakeJob& job) { return job.run(plugin_.type("pdf.generate"), self_, slot); });
    plugin_.descriptor().slot_close(self_, slot);
  }

  LoadedPlugin plugin_;
  const std::string config_;
  void* self_ = nullptr;
};

// The two properties are tested together, so that the two renderers are started only once.
TEST(PdfProcesses, TwoSlotsRunAtTheSameTimeAndOnlyOneGetsAFilename) {
  const Workshop shop("<p>slot {{ slot }} document {{ number }}");
  TwoSlots slots(shop.config());
  std::array<std::string, 2> codes;
  slots.both([&](std::uint32_t slot, auto run) {
    const auto document = [&](int number, const std::string& filename) {
      sluice::testing::FakeJob job(sluice::test::payload(
          "under-test",
          R"({"slot": )" + std::to_string(slot) + R"(, "number": )" + std::to_string(number) + "}",
          filename));
      return run(job.id("job-" + std::to_string(slot)));
    };
    for (int i = 0; i < 5; ++i) {
      const auto outcome = document(i, std::to_string(slot) + "-" + std::to_string(i) + ".pdf");
      EXPECT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
    }
    codes[slot] = document(5, "one.pdf").code;
  });
  EXPECT_THAT(shop.files(), SizeIs(11));
  EXPECT_THAT(shop.text("0-3.pdf"), HasSubstr("slot 0 document 3"));
  EXPECT_THAT(shop.text("1-4.pdf"), HasSubstr("slot 1 document 4"));
  EXPECT_THAT(std::set<std::string>(codes.begin(), codes.end()), ElementsAre("", "file-exists"));
  EXPECT_THAT(shop.text("one.pdf"), HasSubstr(codes[0].empty() ? "slot 0" : "slot 1"));
}

}  // namespace
