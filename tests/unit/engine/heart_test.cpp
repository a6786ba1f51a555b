#include "engine/care/heart.hpp"

#include <gtest/gtest.h>

#include "engine/scripted_store.hpp"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;

class HeartTest : public testing::Test {
 protected:
  HeartTest() { config_.heartbeat = hours(1); }

  void start() { heart_ = std::make_unique<Heart>(store_, config_, outage_); }
  /// Makes the next beat after an answered one hang at `gate`. Returns the number of earlier beats.
  std::size_t hang(test::Gate& gate) {
    start();
    heart_->beat_for(runtime_);
    EXPECT_TRUE(eventually([&] { return heart_->last_beat() > 0; })) << "no other beat is due for an hour";
    const std::size_t beats = store_.count("beat");
    store_.next("beat", test::held(gate));
    // An answer counts as recent for a second; then the heart beats again.
    EXPECT_TRUE(eventually([&] { return heart_->since_answer(milliseconds(0)) > seconds(1); }));
    return beats;
  }
  /// Waits until that many beats were answered.
  bool beaten(std::size_t times) { return store_.came("beat", times) && steady(times); }
  bool steady(std::size_t times) {
    return times < 2 || eventually([&] { return heart_->steady_since().has_value(); });
  }

  test::ScriptedStore store_;
  config::Config config_;
  Outage outage_;
  const std::unique_ptr<store::CareSession> care_ = store_.memory.care();
  const store::RuntimeId runtime_ = care_->enlist({"host", 1, "0", "run"});
  std::unique_ptr<Heart> heart_;
};

TEST_F(HeartTest, ABeatHasAQuarterOfTheLease) {
  config_.lease = seconds(8);
  start();
  config_.lease = milliseconds(100);
  start();
  config_.lease = hours(1);
  start();
  const auto hearts = store_.calls("heart");
  ASSERT_EQ(hearts.size(), 3U);
  EXPECT_EQ(hearts[0].number, 2000);
  EXPECT_EQ(hearts[1].number, 200) << "the minimum";
  EXPECT_EQ(hearts[2].number, 5000) << "the maximum";
}

TEST_F(HeartTest, BeatsAtOnceAndThenAtTheConfiguredInterval) {
  config_.heartbeat = milliseconds(20);
  start();
  heart_->beat_for(runtime_);
  ASSERT_TRUE(store_.came("beat", 4));
  const auto beats = store_.calls("beat");
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(beats[i].runtime, runtime_);
    if (i > 0) {
      EXPECT_GE(beats[i].at - beats[i - 1].at, milliseconds(20));
    }
  }
}

TEST_F(HeartTest, IsSteadyOnlyAfterTwoAnswers) {
  config_.heartbeat = milliseconds(20);
  test::Gate gate;
  start();
  store_.next("beat", {});
  store_.next("beat", test::held(gate));
  heart_->beat_for(runtime_);
  ASSERT_TRUE(gate.reached());
  EXPECT_FALSE(heart_->steady_since());
  gate.open();
  ASSERT_TRUE(beaten(2));
  const double since = *heart_->steady_since();
  ASSERT_TRUE(beaten(5));
  EXPECT_EQ(*heart_->steady_since(), since);
  store_.next("beat", test::fails<store::Unavailable>());
  ASSERT_TRUE(eventually([&] { return heart_->steady_since() && *heart_->steady_since() > since; }))
      << "it counts from the first answer after the failure";
}

TEST_F(HeartTest, AGapByTheDatabasesClockEndsTheSteadyTime) {
  config_.heartbeat = milliseconds(20);
  start();
  heart_->beat_for(runtime_);
  ASSERT_TRUE(beaten(2));
  const double since = *heart_->steady_since();
  store_.memory.advance(config_.lease);
  EXPECT_TRUE(eventually([&] { return heart_->steady_since().value_or(0) >= since + 30; }));
}

TEST_F(HeartTest, AHangingBeatDelaysNoCaller) {
  test::Gate gate;
  const std::size_t beats = hang(gate);
  ASSERT_TRUE(gate.reached());
  const auto before = Clock::now();
  EXPECT_GT(heart_->since_answer(milliseconds(20)), seconds(1));
  EXPECT_GE(Clock::now() - before, milliseconds(20)) << "the caller waits for the answer";
  EXPECT_EQ(store_.count("beat"), beats + 1);
  EXPECT_FALSE(heart_->lost(runtime_));
  EXPECT_FALSE(heart_->steady_since());
}

TEST_F(HeartTest, ACallerGetsTheAnswerOfTheBeatInProgress) {
  test::Gate gate;
  const std::size_t beats = hang(gate);
  ASSERT_TRUE(gate.reached());
  Clock::duration since = hours(1);
  const auto opened = Clock::now();
  {
    const base::Thread asks([&] { since = heart_->since_answer(hours(1)); });
    gate.open();
  }
  const bool recent = Clock::now() - opened < seconds(1);  // else another beat is right
  EXPECT_LT(since, seconds(60)) << "the answer arrived in time";
  if (recent) {
    EXPECT_EQ(store_.count("beat"), beats + 1);
  }
}

TEST_F(HeartTest, ARefusedBeatIsAnAnswerAndIsRepeated) {
  start();
  store_.next("beat", test::fails<store::Refused>("no such table"));
  test::Gate gate;
  store_.next("beat", test::held(gate));
  heart_->beat_for(runtime_);
  ASSERT_TRUE(gate.reached()) << "the retry comes long before the next heartbeat";
  EXPECT_TRUE(outage_.lasting());
  EXPECT_EQ(outage_.reason(), "no such table");
  EXPECT_FALSE(heart_->lost(runtime_));
  gate.open();
  EXPECT_TRUE(eventually([&] { return !outage_.lasting(); }));
}

TEST_F(HeartTest, ARuntimeThatIsNotEnlistedIsLostAndGetsNoBeats) {
  start();
  care_->leave(runtime_, {});
  heart_->beat_for(runtime_);
  ASSERT_TRUE(eventually([&] { return heart_->lost(runtime_); }));
  EXPECT_FALSE(heart_->lost(0));
  EXPECT_FALSE(outage_.lasting());
  const store::RuntimeId again = care_->enlist({"host", 1, "0", "run"});
  heart_->beat_for(again);
  ASSERT_TRUE(store_.came("beat", 2));
  EXPECT_EQ(store_.calls("beat")[1].runtime, again);
  EXPECT_FALSE(heart_->lost(again));
}

TEST_F(HeartTest, BeatsAtOnceForANewIdSetDuringABeat) {
  test::Gate gate;
  start();
  store_.next("beat", test::held(gate));
  heart_->beat_for(runtime_);
  ASSERT_TRUE(gate.reached());
  care_->leave(runtime_, {});
  const store::RuntimeId again = care_->enlist({"host", 1, "0", "run"});
  heart_->beat_for(again);
  gate.open();
  ASSERT_TRUE(store_.came("beat", 2)) << "the answer for the old id must not delay the beat";
  EXPECT_EQ(store_.calls("beat")[1].runtime, again);
  EXPECT_FALSE(heart_->lost(again));
}

TEST_F(HeartTest, AStopWaitsOnlyForTheBeatInProgress) {
  start();
  heart_->beat_for(runtime_);
  ASSERT_TRUE(store_.came("beat", 1));
  heart_->stop();
  EXPECT_EQ(store_.count("beat"), 1U);
}

}  // namespace
}  // namespace sluice::engine
