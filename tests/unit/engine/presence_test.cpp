#include "engine/care/presence.hpp"

#include <gtest/gtest.h>

#include "store/memory_store.hpp"

namespace sluice::engine {
namespace {

using std::chrono::seconds;

fleet::RunningJob job(const std::string& id, std::optional<double> fraction = {}) {
  return {{id, "noop", 1, 0, 0, ""}, 0, "plugin", 42, Clock::now() - seconds(3), fraction,
          fraction ? "a note" : ""};
}

class PresenceTest : public testing::Test {
 protected:
  PresenceTest() {
    for (const char* id : {"a", "b"}) store_.put({id, "noop", "{}", "processing", 0, 0, 1});
  }
  /// Writes as the caretaker does, `second` seconds after the beginning.
  void write(int second) { presence_.write(*care_, runtime_, start_ + seconds(second)); }
  store::Report report() { return store_.desk()->report(false); }
  void settle(job::Status status, int times) {
    job::Settlement settlement;
    settlement.type = "noop";
    settlement.status = status;
    settlement.outcome.duration = std::chrono::milliseconds(500);
    for (int i = 0; i < times; ++i) tally_.count({settlement});
  }

  store::MemoryStore store_;
  std::unique_ptr<store::CareSession> care_ = store_.care();
  store::RuntimeId runtime_ = care_->enlist({"host", 1, "0", "run"});
  Tally tally_;
  Presence presence_{tally_};
  const Clock::time_point start_ = Clock::now();
};

TEST_F(PresenceTest, AnIdleRuntimeWritesNothing) {
  store_.set_available(false);
  for (int second = 0; second < 20; ++second) EXPECT_NO_THROW(write(second));
}

TEST_F(PresenceTest, ChangedJobsAreWrittenOnceASecond) {
  presence_.set_running({job("a", 0.25), job("b")});
  write(0);
  ASSERT_EQ(report().running.size(), 2U);
  EXPECT_EQ(report().running[0].job.fraction, 0.25);
  EXPECT_EQ(report().running[0].job.note, "a note");
  EXPECT_GE(report().running[0].job.age, 2);
  EXPECT_LT(report().running[0].job.age, 60);
  EXPECT_FALSE(report().running[1].job.fraction);
  store_.set_available(false);
  EXPECT_NO_THROW(write(1)) << "without changes, nothing is written";
  store_.set_available(true);
  presence_.set_running({job("a", 0.5)});
  presence_.write(*care_, runtime_, start_ + std::chrono::milliseconds(1500));
  EXPECT_EQ(report().running.size(), 2U) << "less than a second has passed since the last write";
  write(3);
  ASSERT_EQ(report().running.size(), 1U);
  EXPECT_EQ(report().running[0].job.fraction, 0.5);
}

TEST_F(PresenceTest, PluginsAreWrittenWhenTheyChange) {
  fleet::Plugin plugin;
  plugin.path = "/p/a.so";
  plugin.state = fleet::PluginState::refused;
  plugin.reason = "/p/a.so: found nothing, expected something; fix it";
  presence_.set_plugins({plugin});
  write(0);
  ASSERT_EQ(report().runtimes.at(0).plugins.size(), 1U);
  EXPECT_EQ(report().runtimes[0].plugins[0].plugin.state, "refused");
  EXPECT_EQ(report().runtimes[0].plugins[0].plugin.reason, plugin.reason);
  presence_.set_plugins({});
  write(0);
  EXPECT_TRUE(report().runtimes[0].plugins.empty());
}

TEST_F(PresenceTest, ARuntimeWithANewIdWritesEverythingAgain) {
  presence_.set_plugins({fleet::Plugin{}});
  presence_.set_running({job("a")});
  write(0);
  care_->leave(runtime_, {});
  store_.put({"a", "noop", "{}", "processing", 0, 0, 1});
  runtime_ = care_->enlist({"host", 1, "0", "run"});
  presence_.start_anew();
  write(2);
  EXPECT_EQ(report().runtimes.at(0).plugins.size(), 1U);
  EXPECT_EQ(report().running.size(), 1U);
}

TEST_F(PresenceTest, OutcomesAreAddedUpAndNoneIsLostInAnOutage) {
  settle(job::Status::done, 3);
  write(0);
  settle(job::Status::done, 2);
  settle(job::Status::error, 1);
  store_.set_available(false);
  EXPECT_THROW(presence_.write(*care_, runtime_, start_ + seconds(6)), store::Unavailable);
  store_.set_available(true);
  presence_.write_outcomes(*care_);
  presence_.write_outcomes(*care_);
  const auto hour = report().last_hour;
  ASSERT_EQ(hour.size(), 1U);
  EXPECT_EQ(hour[0].type, "noop");
  EXPECT_EQ(hour[0].done, 5);
  EXPECT_EQ(hour[0].failed, 1);
  EXPECT_EQ(hour[0].busy, 3);
}

job::Finished ended(const std::string& id, job::Result result = job::Result::done) {
  job::Finished finished;
  finished.job.id = id;
  finished.job.attempt = 2;
  finished.host = 42;
  finished.outcome.result = result;
  finished.outcome.duration = std::chrono::milliseconds(250);
  return finished;
}

TEST_F(PresenceTest, TracesOfDoneJobsAreWrittenOnceAndOnlyIfConfigured) {
  presence_.add_ended({ended("a")});
  write(0);
  EXPECT_TRUE(store_.traces().empty());
  Presence traced(tally_, std::chrono::hours(1));
  traced.add_ended({ended("a"), ended("failed", job::Result::retry), ended("b")});
  store_.set_available(false);
  EXPECT_THROW(traced.write(*care_, runtime_, start_ + seconds(2)), store::Unavailable);
  store_.set_available(true);
  traced.write_traces(*care_, runtime_);
  traced.write_traces(*care_, runtime_);
  const auto traces = store_.traces();
  ASSERT_EQ(traces.size(), 2U);
  EXPECT_EQ(traces[0].id, "a");
  EXPECT_EQ(traces[0].attempt, 2);
  EXPECT_EQ(traces[0].host_pid, 42);
  EXPECT_EQ(traces[0].took, 0.25);
  EXPECT_EQ(traces[1].id, "b");
}

}  // namespace
}  // namespace sluice::engine
