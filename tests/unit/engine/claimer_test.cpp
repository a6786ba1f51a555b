#include "engine/pump/claimer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/pump_fixture.hpp"

namespace sluice::engine {
namespace {

using test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

/// The plugin has one slot, so one job fills the lane.
class ClaimerTest : public PumpFixture {
 protected:
  ClaimerTest() : PumpFixture(1) {}
  ~ClaimerTest() override {
    store_.let_go();
    stop();
    end_finisher();
  }

  void start(bool listens = false) {
    finisher_ = std::make_unique<Finisher>(
        context_,
        [this] {
          const std::lock_guard lock(claimer_mutex_);
          if (claimer_) claimer_->poke();
        },
        context_.finished);
    auto claimer = std::make_unique<Claimer>(pump, context_, *finisher_, listens);
    const std::lock_guard lock(claimer_mutex_);
    claimer_ = std::move(claimer);
  }
  void stop() {
    if (claimer_) claimer_->stop();
    std::unique_ptr<Claimer> ends;
    {
      const std::lock_guard lock(claimer_mutex_);
      ends = std::move(claimer_);
    }
  }
  /// Starts the claimer and fills the lane with job "a".
  void start_full(bool listens = false) {
    put({"a"});
    start(listens);
    ASSERT_TRUE(eventually([&] { return is_delivered("a"); }));
  }
  void make_room(int slots) {
    lanes_.set_slots(0, slots);
    claimer_->poke();
  }
  /// The names of the calls from index `before` on, except waits.
  std::vector<std::string> since(std::size_t before) const {
    std::vector<std::string> names;
    const auto calls = store_.calls();
    for (std::size_t i = before; i < calls.size(); ++i) {
      if (calls[i].name != "wait") names.push_back(calls[i].name);
    }
    return names;
  }

  static constexpr std::uint32_t pump = 3;
  std::mutex claimer_mutex_;
  std::unique_ptr<Claimer> claimer_;
};

TEST_F(ClaimerTest, JobsOfAClaimWithALostAnswerAreGivenBackBeforeTheNextClaim) {
  start_full();
  const std::int64_t open = with_plugin("a").claim;
  const std::size_t before = store_.calls().size();
  store_.next("claim", test::answer_lost());
  put({"b"});
  make_room(2);
  ASSERT_TRUE(eventually([&] { return is_delivered("b"); }));
  const auto names = since(before);
  ASSERT_GE(names.size(), 3U);
  EXPECT_THAT(std::vector(names.begin(), names.begin() + 3), ElementsAre("claim", "reconcile", "claim"));
  const auto reconciled = store_.calls("reconcile");
  ASSERT_EQ(reconciled.size(), 1U) << "one reconciliation is enough";
  EXPECT_THAT(reconciled[0].claims, ElementsAre(open));
  EXPECT_EQ(reconciled[0].runtime, runtime_);
  EXPECT_THAT(delivered(), ElementsAre("a", "b"));
  EXPECT_EQ(with_plugin("b").pump, pump);
}

// Each reconciliation must still know the lost claim.
TEST_F(ClaimerTest, AFailedReconciliationIsRepeatedBeforeTheNextClaim) {
  start_full();
  const std::size_t before = store_.calls().size();
  store_.next("claim", test::answer_lost());
  store_.next("reconcile", test::fails<store::Unavailable>());
  store_.next("reconcile", test::answer_lost());
  put({"b"});
  make_room(2);
  ASSERT_TRUE(eventually([&] { return is_delivered("b"); }));
  const auto names = since(before);
  ASSERT_GE(names.size(), 5U);
  EXPECT_THAT(std::vector(names.begin(), names.begin() + 5),
              ElementsAre("claim", "reconcile", "reconcile", "reconcile", "claim"));
}

TEST_F(ClaimerTest, AFencedRuntimeClaimsAgainUnderANewId) {
  test::Gate gate;
  put({"a"});
  store_.next("claim", test::held(gate));
  const auto old = runtime_;
  start();
  ASSERT_TRUE(gate.reached());
  fence();
  gate.open();
  ASSERT_TRUE(eventually([&] { return is_delivered("a"); }));
  EXPECT_THAT(fenced_, ElementsAre(old));
  ASSERT_NE(runtime_, old);
  const auto claims = store_.calls("claim");
  EXPECT_EQ(claims[0].runtime, old);
  EXPECT_EQ(claims[1].runtime, runtime_);
  EXPECT_EQ(claims[1].number, claims[0].number) << "it has the same room as the first claim";
  const auto reconciled = store_.calls("reconcile");
  ASSERT_EQ(reconciled.size(), 1U);
  EXPECT_EQ(reconciled[0].runtime, runtime_);
  EXPECT_FALSE(outage_.lasting());
}

// The caretaker may be the first to notice the fence.
TEST_F(ClaimerTest, ClaimsUnderTheRuntimesCurrentId) {
  start_full();
  fence();
  {
    const std::lock_guard lock(mutex_);
    runtime_ = enlist();
  }
  put({"b"});
  make_room(3);  // "a" is claimed again too
  ASSERT_TRUE(eventually([&] { return is_delivered("b"); }));
  EXPECT_THAT(fenced_, IsEmpty());
  EXPECT_EQ(store_.count("reconcile"), 0U) << "no claim failed";
  EXPECT_EQ(store_.calls("claim").back().runtime, runtime_);
}

TEST_F(ClaimerTest, ARefusedClaimReturnsItsRoomAndIsRepeated) {
  put({"a"});
  for (int i = 0; i < 2; ++i) store_.next("claim", test::fails<store::Refused>());
  start();
  ASSERT_TRUE(eventually([&] { return is_delivered("a"); }));
  for (const test::Call& call : store_.calls("claim")) EXPECT_EQ(call.number, 1);
  push("a");
  EXPECT_TRUE(eventually([&] { return idle_ > 0; })) << "nothing counts as in progress";
  EXPECT_FALSE(outage_.lasting());
}

TEST_F(ClaimerTest, DoesNotClaimWhileTooManyOutcomesAreUnwritten) {
  context_.most_unwritten = 1;
  test::Gate gate;
  start_full();
  store_.next("finish", test::held(gate));
  std::vector<job::Finished> a{finished("a")};
  finisher_->push(a);
  ASSERT_TRUE(gate.reached());
  put({"b"});
  const std::size_t claims = store_.count("claim"), waits = store_.count("wait");
  lanes_.on_return(a, Clock::now());
  claimer_->poke();
  ASSERT_TRUE(store_.came("wait", waits + 1));
  ASSERT_TRUE(lanes_.can_reserve(Clock::now())) << "there is room";
  EXPECT_EQ(store_.count("claim"), claims);
  EXPECT_FALSE(is_delivered("b"));
  gate.open();
  EXPECT_TRUE(eventually([&] { return is_delivered("b"); }));
}

TEST_F(ClaimerTest, APokeBeforeAWaitEndsTheWait) {
  test::Gate gate;
  store_.stop_time();
  store_.next("wait", test::held(gate));
  start_full();
  ASSERT_TRUE(gate.reached()) << "the lane is full, and the claimer is about to wait";
  put({"b"});
  make_room(2);
  gate.open();
  EXPECT_TRUE(eventually([&] { return is_delivered("b"); }));
}

TEST_F(ClaimerTest, APokeDuringAClaimEndsTheNextWait) {
  test::Gate gate;
  store_.stop_time();
  store_.next("claim", test::held_after(gate));
  put({"a"});
  start();
  ASSERT_TRUE(gate.reached());
  claimer_->poke();
  gate.open();
  EXPECT_TRUE(store_.came("wait", 2)) << "the first wait ended at once";
}

TEST_F(ClaimerTest, ANotificationDuringAClaimIsHandledAfterTheClaim) {
  start(true);
  ASSERT_TRUE(eventually([&] { return lanes_.load().idle; })) << "producers notify";
  bool was_delivered = false;
  on_notified_ = [&] { was_delivered = is_delivered("a"); };
  test::Gate gate;
  store_.next("claim", test::held_after(gate));
  lanes_.wake();
  claimer_->poke();
  ASSERT_TRUE(gate.reached()) << "the claim found no job";
  put({"a"});
  gate.open();
  ASSERT_TRUE(eventually([&] { return notified_ > 0; }));
  EXPECT_TRUE(was_delivered) << "other claimers are notified after the jobs are claimed";
  EXPECT_EQ(notified_, 1);
}

TEST_F(ClaimerTest, ListensBeforeEachClaimOnTheSameConnection) {
  start(true);
  ASSERT_TRUE(store_.came("claim", 3));
  std::string before;
  for (const test::Call& call : store_.calls()) {
    if (call.name == "claim") {
      EXPECT_EQ(before, "wait");
    }
    before = call.name;
  }
}

// Notifications that were sent before that are lost.
TEST_F(ClaimerTest, AsksProducersAgainToNotifyAfterAFailure) {
  for (const std::string call : {"claim", "wait"}) {
    const test::Gate pause;
    if (!claimer_) start(true);
    ASSERT_TRUE(eventually([&] { return lanes_.load().idle; })) << call;
    const std::size_t asked = store_.count("want");
    if (call == "wait") {
      lanes_.set_slots(0, 0);  // the claimer waits, and does not claim
      const std::size_t waits = store_.count("wait");
      ASSERT_TRUE(eventually([&] {
        claimer_->poke();
        return store_.count("wait") >= waits + 2;  // the second one was decided without room
      }));
    }
    store_.next(call, {[this, &pause] {
                         store_.next("wait", test::held(pause));
                         throw store::Unavailable("gone");
                       },
                       [] {}});
    if (call == "claim") lanes_.wake();
    claimer_->poke();
    ASSERT_TRUE(pause.reached()) << call;
    EXPECT_FALSE(lanes_.load().idle) << call;
    pause.open();
    EXPECT_TRUE(eventually([&] { return lanes_.load().idle; })) << call;
    EXPECT_GT(store_.count("want"), asked) << call;
  }
}

TEST_F(ClaimerTest, AStopBeforeAWaitEndsTheWait) {
  test::Gate gate;
  store_.stop_time();
  store_.next("wait", test::held(gate));
  start_full();
  ASSERT_TRUE(gate.reached());
  push("a");
  claimer_->stop();
  gate.open();
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(store_.count("claim"), 1U);
}

TEST_F(ClaimerTest, AStopEndsAPauseBetweenTwoTries) {
  store_.stop_time();
  store_.always("claim", test::fails<store::Unavailable>());
  put({"a"});
  start();
  ASSERT_TRUE(store_.came("wait", 1)) << "after a try";
  const std::size_t tries = store_.count("claim");
  claimer_->stop();
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(store_.count("claim"), tries);
}

TEST_F(ClaimerTest, AStopDuringAClaimLosesNoneOfItsJobs) {
  test::Gate gate;
  store_.next("claim", test::held_after(gate));
  put({"a"});
  start();
  ASSERT_TRUE(gate.reached());
  claimer_->stop();
  gate.open();
  ASSERT_TRUE(eventually([&] { return is_delivered("a"); }));
  EXPECT_EQ(ended_, 0) << "the outcome is not written yet";
  push("a");
  EXPECT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(status("a"), "done");
}

TEST_F(ClaimerTest, AJobThatIsNotUtf8IsFailed) {
  store_.on_claimed([](store::Claimed& claimed) {
    for (auto& one : claimed.jobs) one.unreadable = one.job.id == "a";
  });
  lanes_.set_slots(0, 2);
  put({"a", "b"});
  start();
  ASSERT_TRUE(eventually([&] { return is_delivered("b"); }));
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    return turned_back_.size() == 1;
  }));
  EXPECT_THAT(delivered(), ElementsAre("b"));
  EXPECT_EQ(turned_back_[0].job.id, "a");
  EXPECT_EQ(turned_back_[0].job.pump, pump);
  EXPECT_THAT(turned_back_[0].job.payload, IsEmpty());
  EXPECT_EQ(turned_back_[0].outcome.result, job::Result::fail);
  EXPECT_EQ(turned_back_[0].outcome.code, "not-utf-8");
  push(turned_back_);
  EXPECT_TRUE(becomes("a", "error"));
}

}  // namespace
}  // namespace sluice::engine
