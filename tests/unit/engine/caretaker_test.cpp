#include "engine/care/caretaker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "engine/scripted_store.hpp"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

class CaretakerTest : public testing::Test {
 protected:
  CaretakerTest() { config_.heartbeat = milliseconds(20); }
  ~CaretakerTest() override {
    store_.let_go();
    caretaker_.reset();
  }

  void start(const std::string& command = "run") {
    info_.command = command;
    caretaker_ = std::make_unique<Caretaker>(Caretaker::Context{
        store_, config_, lanes_, outage_, heart_, tally_, presence_, info_, [this] { ++became_pending_; },
        [](const std::vector<std::string>&) {}, [this] { leaving_ = store_.count("leave"); }});
  }
  /// Enlists another runtime that claims job "a" and then stops beating. Returns its id.
  store::RuntimeId lose_another() {
    const auto other = store_.memory.care()->enlist(info_);
    store_.memory.put({"a", "t", "{}", "pending", 1, 1, 0});
    EXPECT_EQ(store_.memory.claims(other, 0, false)->claim({{{"t"}, 1, {}}}, true).jobs.size(), 1U);
    store_.memory.advance(config_.lease * 2);
    return other;
  }
  /// Advances the database's clock by `time`, while beats are answered.
  void let_pass(seconds time) {
    for (seconds passed{0}; passed < time; passed += seconds(10)) {
      store_.memory.advance(seconds(10));
      ASSERT_TRUE(store_.came("beat", store_.count("beat") + 2));
    }
  }
  void schedule(int jobs) {
    const auto desk = store_.memory.desk();
    for (int i = 0; i < jobs; ++i) desk->enqueue({"t", "{}", seconds(1), std::nullopt});
    store_.memory.advance(seconds(2));
  }
  /// Waits until the caretaker has completed another round.
  bool goes_on() {
    const auto before = store_.count("cancel_requests");
    return store_.came("cancel_requests", before + 2);
  }

  test::ScriptedStore store_;
  config::Config config_;
  Lanes lanes_{500, milliseconds(200), std::nullopt, true};
  Outage outage_;
  Heart heart_{store_, config_, outage_};
  Tally tally_;
  Presence presence_{tally_};
  store::RuntimeInfo info_;
  std::atomic<int> became_pending_ = 0;
  std::optional<std::size_t> leaving_;
  std::unique_ptr<Caretaker> caretaker_;
};

TEST_F(CaretakerTest, ConstructorEnlistsAndRunsEachTaskOnce) {
  start();
  std::set<std::string> names;
  for (const test::Call& call : store_.calls()) names.insert(call.name);
  for (const char* name : {"enlist", "promote_due", "cancel_requests", "rescue"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  ASSERT_TRUE(store_.came("beat", 1));
  EXPECT_EQ(store_.calls("beat")[0].runtime, caretaker_->runtime(0));
}

TEST_F(CaretakerTest, ConstructorThrowsTheStoresErrors) {
  store_.next("enlist", test::fails<store::Unavailable>());
  EXPECT_THROW(start(), store::Unavailable);
}

// --- lost runtimes

TEST_F(CaretakerTest, RescuesALostRuntimesJobsAfterALeaseOfAnsweredBeats) {
  lose_another();
  start();
  ASSERT_TRUE(eventually([&] { return heart_.steady_since().has_value(); }));
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(store_.memory.row("a")->attempts, 0) << "the other runtime may have been cut off too";
  const int before = became_pending_;
  let_pass(seconds(40));
  ASSERT_TRUE(eventually([&] { return store_.memory.row("a")->attempts == 1; }));
  EXPECT_EQ(store_.memory.row("a")->status, "pending");
  EXPECT_TRUE(eventually([&] { return became_pending_ == before + 1; }));
  EXPECT_TRUE(eventually([&] { return tally_.total().rescued.runtimes == 1; }));
  EXPECT_TRUE(eventually([&] { return lanes_.is_exhausted(); })) << "no change is in progress";
}

TEST_F(CaretakerTest, ADrainWaitsForTheLeaseOfARuntimeThatMayComeBack) {
  const auto other = lose_another();
  start("drain");
  EXPECT_FALSE(lanes_.is_exhausted());
  ASSERT_TRUE(goes_on());
  EXPECT_FALSE(lanes_.is_exhausted());
  store_.memory.care()->leave(other, {});
  EXPECT_TRUE(eventually([&] { return lanes_.is_exhausted(); }));
}

TEST_F(CaretakerTest, ARunDoesNotWaitForTheLeaseOfALostRuntime) {
  lose_another();
  start("run");
  EXPECT_TRUE(eventually([&] { return lanes_.is_exhausted(); }));
}

TEST_F(CaretakerTest, ARescueWithALostAnswerIsRepeatedAndLeavesNoChangeOpen) {
  start();
  store_.next("rescue", test::answer_lost());
  const auto before = store_.count("rescue");
  ASSERT_TRUE(store_.came("rescue", before + 2));
  EXPECT_TRUE(eventually([&] { return lanes_.is_exhausted(); }));
  EXPECT_TRUE(eventually([&] { return !outage_.lasting(); }));
}

// --- fences

TEST_F(CaretakerTest, AFencedRuntimeIsEnlistedAgainWithTheSameTypes) {
  start();
  const auto old = caretaker_->runtime(0);
  caretaker_->serve({{"t", "plugin", "1", {}}});
  ASSERT_TRUE(store_.came("serve", 1));
  store_.memory.care()->leave(old, {});
  const auto id = caretaker_->runtime(old);
  ASSERT_NE(id, old);
  ASSERT_NE(id, 0);
  EXPECT_EQ(caretaker_->runtime(0), id);
  EXPECT_EQ(caretaker_->runtime(old), id) << "a second request for a new id gets the same id";
  ASSERT_TRUE(store_.came("serve", 2));
  EXPECT_EQ(store_.calls("serve")[1].runtime, id);
  EXPECT_THAT(store_.calls("serve")[1].jobs, ElementsAre("t"));
  EXPECT_TRUE(eventually([&] {
    const auto beats = store_.calls("beat");
    return !beats.empty() && beats.back().runtime == id;
  }));
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(store_.count("enlist"), 2U);
}

TEST_F(CaretakerTest, ARuntimeThatTheHeartFindsLostIsEnlistedAgain) {
  start();
  const auto old = caretaker_->runtime(0);
  store_.memory.care()->leave(old, {});
  ASSERT_TRUE(eventually([&] { return caretaker_->runtime(0) != old; }));
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(store_.count("enlist"), 2U);
}

TEST_F(CaretakerTest, AFailedEnlistmentIsRepeated) {
  start();
  const auto old = caretaker_->runtime(0);
  store_.next("enlist", test::fails<store::Unavailable>());
  store_.next("enlist", test::fails<store::Refused>());
  store_.memory.care()->leave(old, {});
  EXPECT_NE(caretaker_->runtime(old), old);
  EXPECT_EQ(store_.count("enlist"), 4U);
  EXPECT_TRUE(eventually([&] { return !outage_.lasting(); }));
}

TEST_F(CaretakerTest, AStopEndsTheWaitForANewId) {
  start();
  const auto old = caretaker_->runtime(0);
  test::Gate gate;
  store_.next("enlist", test::held(gate));
  store_.memory.care()->leave(old, {});
  store::RuntimeId id = old;
  {
    const base::Thread asks([&] { id = caretaker_->runtime(old); });
    ASSERT_TRUE(gate.reached());
    caretaker_->let_go();
  }
  EXPECT_EQ(id, 0);
}

TEST_F(CaretakerTest, LeavesAtTheEndAndSaysWhichOutcomesAreUnwritten) {
  start();
  const auto id = caretaker_->runtime(0);
  caretaker_->unwritten({"x"});
  caretaker_->unwritten({"y"});
  caretaker_.reset();
  const auto left = store_.calls("leave");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].runtime, id);
  EXPECT_THAT(left[0].jobs, ElementsAre("x", "y"));
  EXPECT_EQ(leaving_, 0U) << "the callback runs before the runtime leaves";
  EXPECT_THAT(store_.memory.desk()->report(false).runtimes, IsEmpty());
}

TEST_F(CaretakerTest, EndsEvenIfItCanNotLeave) {
  start();
  store_.next("leave", test::fails<store::Unavailable>());
  caretaker_.reset();
  EXPECT_EQ(store_.memory.desk()->report(false).runtimes.size(), 1U);
}

// --- due jobs

TEST_F(CaretakerTest, PromotesInBoundedRoundsWhileJobsAreDue) {
  test::Gate gate;
  schedule(1200);
  store_.next("promote_due", {});
  store_.next("promote_due", {});
  store_.next("promote_due", test::held(gate));
  start();
  ASSERT_TRUE(gate.reached());
  EXPECT_FALSE(lanes_.is_exhausted()) << "more are due";
  EXPECT_GE(became_pending_, 1);
  gate.open();
  ASSERT_TRUE(eventually([&] { return lanes_.is_exhausted(); }));
  const auto calls = store_.calls("promote_due");
  ASSERT_GE(calls.size(), 5U);
  std::vector<std::int64_t> limits;
  for (std::size_t i = 0; i < 5; ++i) limits.push_back(calls[i].number);
  EXPECT_THAT(limits, ElementsAre(500, 500, 100, 100, 100))
      << "once 1,000 promoted jobs wait unclaimed, only a few are promoted at a time";
  EXPECT_EQ(store_.memory.desk()->report(false).next_due, -1);
}

TEST_F(CaretakerTest, APromotionWithALostAnswerCountsAsOneThatMadeJobsPending) {
  start();
  ASSERT_TRUE(eventually([&] { return lanes_.is_exhausted(); }));
  lanes_.set_lanes({{0, {"t"}, 0}});
  lanes_.set_slots(0, 1);
  const auto plans = lanes_.reserve(Clock::now());
  ASSERT_EQ(plans.size(), 1U);
  const auto before = store_.count("promote_due");
  store_.next("promote_due", test::answer_lost());
  ASSERT_TRUE(store_.came("promote_due", before + 2));
  lanes_.on_claim(plans, {}, milliseconds(1), Clock::now());
  EXPECT_FALSE(lanes_.is_exhausted()) << "the claim began before the promotion";
}

TEST_F(CaretakerTest, StopsPromotingWhenTheRuntimeStops) {
  start();
  caretaker_->let_go();
  const auto round = [&] { return store_.count("cancel_requests"); };
  const auto before = round();
  ASSERT_TRUE(eventually([&] { return round() > before; }));
  const auto promoted = store_.count("promote_due");
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(store_.count("promote_due"), promoted);
}

// --- steps that fail

TEST_F(CaretakerTest, ARefusedStepDoesNotAffectTheOthers) {
  start();
  store_.always("promote_due", test::fails<store::Refused>("no such table"));
  const auto before = store_.count("promote_due"), rescues = store_.count("rescue");
  ASSERT_TRUE(store_.came("promote_due", before + 2));
  EXPECT_TRUE(store_.came("rescue", rescues + 1));
  EXPECT_TRUE(goes_on());
  EXPECT_TRUE(outage_.lasting());
  EXPECT_EQ(outage_.reason(), "no such table");
  EXPECT_TRUE(eventually([&] { return lanes_.is_exhausted(); })) << "no change is in progress";
  store_.let_go();
  EXPECT_TRUE(eventually([&] { return !outage_.lasting(); }));
}

TEST_F(CaretakerTest, AStepDelayedByALockIsRepeatedAndIsNotAnOutage) {
  start();
  const test::Gate gate;
  for (int i = 0; i < 2; ++i) store_.next("serve", test::fails<store::HeldUp>());
  store_.next("serve", test::held(gate));
  caretaker_->serve({{"t", "plugin", "1", {}}});
  ASSERT_TRUE(gate.reached());
  EXPECT_FALSE(outage_.lasting());
  gate.open();
  ASSERT_TRUE(goes_on());
  EXPECT_EQ(store_.count("serve"), 3U) << "it has been recorded";
}

TEST_F(CaretakerTest, ServedTypesAreRecordedBeforeTheAnnouncement) {
  start();
  store_.next("serve", test::fails<store::Unavailable>());
  caretaker_->serve({{"t", "plugin", "1", {}}});
  ASSERT_TRUE(store_.came("serve", 1));
  caretaker_->announce("reloaded");
  ASSERT_TRUE(store_.came("announce", 1));
  EXPECT_EQ(store_.count("serve"), 2U) << "the round ends when the database is unavailable";
  EXPECT_THAT(store_.calls("announce")[0].jobs, ElementsAre("reloaded"));
}

}  // namespace
}  // namespace sluice::engine
