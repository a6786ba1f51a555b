#include "engine/pump/finisher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/pump_fixture.hpp"

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;
using store::Unwritten;
using test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class FinisherTest : public PumpFixture {
 protected:
  FinisherTest() : PumpFixture(100) {
    finisher_ = std::make_unique<Finisher>(
        context_, [this] { ++relieved_; }, context_.finished);
  }
  ~FinisherTest() override { end(); }
  void end() {
    if (finisher_) end_finisher();
  }

  /// Claims jobs with these ids together, and gives them to plugins. Returns the claim.
  std::int64_t claim(const std::vector<std::string>& ids) {
    put(ids);
    return claim_all(ids.size());
  }
  /// Claims all waiting jobs, which must be `count`. Returns the claim.
  std::int64_t claim_all(std::size_t count) {
    lanes_.wake();
    const auto plans = lanes_.reserve(Clock::now());
    std::vector<store::LaneRequest> requests;
    for (const ClaimPlan& plan : plans) requests.push_back(plan.request);
    store::Claimed claimed = store_.claims(runtime_, 0, false)->claim(requests, true);
    EXPECT_EQ(claimed.jobs.size(), count);
    lanes_.on_claim(plans, claimed, milliseconds(1), Clock::now());
    finisher_->expect(claimed.claim, claimed.jobs.size());
    std::vector<job::Job> jobs;
    for (auto& one : claimed.jobs) jobs.push_back(std::move(one.job));
    deliver(std::move(jobs));
    return claimed.claim;
  }
  using PumpFixture::push;
  void push_all(const std::vector<std::string>& ids) {
    std::vector<job::Finished> jobs;
    for (const std::string& id : ids) jobs.push_back(finished(id));
    push(std::move(jobs));
  }
  /// A done job that requests the effect `sql`.
  job::Finished effectful(const std::string& id, const std::string& sql = "SELECT 1",
                          const std::string& role = "role") {
    job::Finished one = finished(id);
    one.outcome.effects.push_back({sql, {}});
    one.role = role;
    return one;
  }
  void mark(const std::vector<std::string>& ids) {
    std::vector<job::Ref> jobs;
    for (const std::string& id : ids) jobs.push_back(with_plugin(id));
    finisher_->mark(std::move(jobs));
  }

  /// Waits until each outcome is written, dropped, or no longer waited for.
  bool settles() {
    return eventually([&] { return lanes_.load().at_work == false; });
  }
  std::int64_t done() const {
    const auto by_type = tally_.by_type();
    const auto found = by_type.find("t");
    return found == by_type.end() ? 0 : found->second.done;
  }
  std::vector<std::string> given_up() const {
    const std::lock_guard lock(mutex_);
    return unwritten_;
  }
  std::int64_t aside() const { return tally_.total().aside; }

  std::atomic<int> relieved_ = 0;
};

Unwritten refused(bool may_be_the_servers = false) {
  return {0, Unwritten::Why::refused, "22P05", "no such character", may_be_the_servers};
}
Unwritten locked() {
  return {0, Unwritten::Why::locked, "", "", false};
}

/// Makes the outcomes of one job unwritable until end().
class Obstacle {
 public:
  test::ScriptedStore::Judge of(const std::string& id, Unwritten why) const {
    return [=, over = over_](const job::Settlement& one) {
      return one.id == id && !*over ? std::optional(why) : std::nullopt;
    };
  }
  void end() { *over_ = true; }

 private:
  std::shared_ptr<std::atomic<bool>> over_ = std::make_shared<std::atomic<bool>>(false);
};

// --- batches

TEST_F(FinisherTest, OutcomesThatArriveDuringAWriteAreWrittenTogetherNext) {
  test::Gate gate;
  const auto number = claim({"a", "b", "c"});
  store_.next("finish", test::held(gate));
  push("a");
  ASSERT_TRUE(gate.reached());
  push("b");
  push("c");
  EXPECT_EQ(finisher_->unwritten(), 3U);
  gate.open();
  ASSERT_TRUE(settles());
  const auto calls = store_.calls("finish");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0].jobs, ElementsAre("a done"));
  EXPECT_THAT(calls[0].claims, IsEmpty());
  EXPECT_THAT(calls[1].jobs, ElementsAre("b done", "c done"));
  EXPECT_THAT(calls[1].claims, ElementsAre(number));
  EXPECT_TRUE(eventually([&] { return finisher_->unwritten() == 0; }));
  EXPECT_EQ(done(), 3);
  EXPECT_TRUE(eventually([&] { return relieved_ == 2; }));
}

TEST_F(FinisherTest, AnOutcomeWaitsBrieflyForOthersInProgress) {
  claim({"a", "b"});
  const auto pushed = Clock::now();
  push("a");
  ASSERT_TRUE(store_.came("finish", 1));
  EXPECT_GE(store_.calls("finish")[0].at - pushed, milliseconds(2));
  EXPECT_EQ(with_plugin("b").id, "b") << "b is still in progress";
}

TEST_F(FinisherTest, AnOutcomeDoesNotWaitIfNoOtherIsInProgress) {
  auto soonest = Clock::duration::max();
  for (int i = 0; i < 500 && soonest >= milliseconds(2); ++i) {
    const std::string id = "a" + std::to_string(i);
    claim({id});
    const auto pushed = Clock::now();
    push(id);
    ASSERT_TRUE(settles());
    soonest = std::min(soonest, store_.calls("finish").back().at - pushed);
  }
  EXPECT_LT(soonest, milliseconds(2));
}

// --- lost answers

TEST_F(FinisherTest, AnOutcomeWithALostAnswerIsNotWrittenAgainIfItsClaimIsGone) {
  const auto number = claim({"a"});
  store_.next("finish", test::answer_lost());
  push("a");
  ASSERT_TRUE(settles());
  EXPECT_EQ(store_.count("finish"), 1U);
  ASSERT_EQ(store_.count("living"), 1U);
  EXPECT_THAT(store_.calls("living")[0].claims, ElementsAre(number));
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(tally_.dropped(), 0);
  EXPECT_THAT(finisher_->open_claims(), IsEmpty());
}

TEST_F(FinisherTest, AnUnwrittenOutcomeIsWrittenAgainIfItsClaimExists) {
  const auto number = claim({"a"});
  store_.next("finish", test::fails<store::Unavailable>());
  store_.next("living", test::fails<store::Unavailable>());
  push("a");
  ASSERT_TRUE(settles());
  const auto calls = store_.calls("finish");
  ASSERT_EQ(calls.size(), 2U) << "it is written again only after the living claims are known";
  EXPECT_EQ(store_.count("living"), 2U);
  EXPECT_THAT(calls[1].jobs, ElementsAre("a done"));
  EXPECT_THAT(calls[1].claims, ElementsAre(number));
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(tally_.dropped(), 0);
  EXPECT_TRUE(eventually([&] { return !outage_.lasting(); }));
}

TEST_F(FinisherTest, AClaimWithOutcomesFromBeforeALostConnectionIsSurrendered) {
  const auto number = claim({"a", "b"});
  push("a");
  ASSERT_TRUE(eventually([&] { return done() == 1; }));
  store_.next("finish", test::fails<store::Unavailable>());
  push("b");
  ASSERT_TRUE(settles());
  ASSERT_TRUE(store_.came("surrender", 1));
  EXPECT_THAT(store_.calls("surrender")[0].claims, ElementsAre(number));
  EXPECT_THAT(store_.calls("finish").back().claims, IsEmpty()) << "the server may have lost the outcome of a";
  EXPECT_TRUE(eventually([&] { return finisher_->open_claims().empty(); }));
}

// The claim still exists because of its other job.
TEST_F(FinisherTest, AnOutcomeWithALostAnswerDoesNotCountAsRescuedIfItsClaimExists) {
  const auto number = claim({"a", "b"});
  store_.next("finish", test::answer_lost());
  push("a");
  ASSERT_TRUE(eventually([&] { return done() + tally_.dropped() == 1; }));
  EXPECT_EQ(tally_.dropped(), 0);
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_THAT(finisher_->open_claims(), ElementsAre(number));
  push("b");
  ASSERT_TRUE(settles());
  EXPECT_EQ(done(), 2);
}

TEST_F(FinisherTest, OutcomesThatArriveDuringAnOutageAreWrittenAfterwards) {
  claim({"a"});
  claim({"b"});
  test::Gate gate;
  store_.next("finish", {gate.pass(), [] {}});
  store_.next("finish", test::answer_lost());
  push("a");
  ASSERT_TRUE(gate.reached());
  push("b");
  gate.open();
  ASSERT_TRUE(settles());
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(status("b"), "done");
  EXPECT_EQ(done(), 2);
}

TEST_F(FinisherTest, AnOutcomeOfARescuedJobIsDroppedAndCounted) {
  test::Gate gate;
  claim({"a"});
  store_.next("finish", test::held(gate));
  push("a");
  ASSERT_TRUE(gate.reached());
  fence();
  gate.open();
  ASSERT_TRUE(settles());
  EXPECT_EQ(tally_.dropped(), 1);
  EXPECT_EQ(done(), 0);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(store_.count("finish"), 1U);
  EXPECT_THAT(finisher_->open_claims(), IsEmpty());
}

// --- unwritable outcomes

TEST_F(FinisherTest, ARefusedOutcomeBecomesItsJobsErrorAndTheOthersAreWritten) {
  const auto number = claim({"a", "b", "c"});
  store_.unwritable([](const job::Settlement& one) {
    return one.id == "b" && one.status == job::Status::done ? std::optional(refused()) : std::nullopt;
  });
  push_all({"a", "b", "c"});
  ASSERT_TRUE(settles());
  const auto calls = store_.calls("finish");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0].jobs, ElementsAre("a done", "b done", "c done"));
  EXPECT_THAT(calls[1].jobs, ElementsAre("b error"));
  EXPECT_THAT(calls[1].claims, ElementsAre(number));
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(status("c"), "done");
  ASSERT_EQ(store_.memory.failures().size(), 1U);
  EXPECT_EQ(store_.memory.failures()[0].code, "outcome-refused");
  EXPECT_THAT(store_.memory.failures()[0].error, testing::HasSubstr("no such character [22P05]"));
}

TEST_F(FinisherTest, ARefusalThatMayBeTheServersFaultIsRetriedAloneFirst) {
  claim({"a"});
  store_.unwritable([](const job::Settlement& one) {
    return one.status == job::Status::done && one.id == "a" ? std::optional(refused(true)) : std::nullopt;
  });
  push("a");
  ASSERT_TRUE(eventually([&] { return aside() == 1; }));
  claim({"b"});
  push("b");
  EXPECT_TRUE(becomes("b", "done")) << "a does not delay b";
  ASSERT_TRUE(becomes("a", "error"));
  EXPECT_EQ(store_.count("finish_with_care"), 4U)
      << "three refusals, and the error that replaces the outcome";
  EXPECT_TRUE(eventually([&] { return finisher_->open_claims().empty(); }));
  EXPECT_EQ(aside(), 0);
}

TEST_F(FinisherTest, ALockedRowIsWrittenWhenUnlockedAndOthersMeanwhile) {
  Obstacle lock;
  const auto first = claim({"a", "b"});
  store_.unwritable(lock.of("b", locked()));
  push_all({"a", "b"});
  ASSERT_TRUE(eventually([&] { return aside() == 1; }));
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(status("b"), "pending");
  EXPECT_TRUE(eventually([&] { return finisher_->unwritten() == 0; })) << "claims must continue";
  claim({"c"});
  push("c");
  EXPECT_TRUE(becomes("c", "done"));
  EXPECT_TRUE(eventually([&] { return finisher_->open_claims() == std::vector{first}; }));
  EXPECT_TRUE(lanes_.load().at_work) << "a drain waits for b";
  lock.end();
  EXPECT_TRUE(becomes("b", "done"));
  EXPECT_TRUE(settles());
  EXPECT_THAT(finisher_->open_claims(), IsEmpty());
  EXPECT_THAT(store_.calls("finish_with_care").back().claims, ElementsAre(first));
  EXPECT_EQ(aside(), 0);
}

TEST_F(FinisherTest, AnOutcomeKeptAsideWithALostAnswerDoesNotCountAsRescued) {
  Obstacle lock;
  claim({"a"});
  store_.unwritable(lock.of("a", locked()));
  push("a");
  ASSERT_TRUE(eventually([&] { return aside() == 1; }));
  store_.always("finish_with_care", test::answer_lost());
  lock.end();
  ASSERT_TRUE(becomes("a", "done"));
  store_.let_go();
  ASSERT_TRUE(settles());
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(tally_.dropped(), 0);
}

// Both are tried in one call. A lost answer does not tell which of them was written.
TEST_F(FinisherTest, AtAStopInAnOutageOnlyLockedRowsAreWaitedFor) {
  test::Gate gate;
  Obstacle lock;
  const auto is_locked = lock.of("b", locked());
  claim({"a", "b"});
  store_.unwritable([=](const job::Settlement& one) {
    return one.id == "a" ? std::optional(refused(true)) : is_locked(one);
  });
  store_.next("finish", test::held(gate));
  store_.always("finish_with_care", test::fails<store::Unavailable>());
  push_all({"a", "b"});
  ASSERT_TRUE(gate.reached());
  finisher_->no_more();
  gate.open();
  ASSERT_TRUE(store_.came("finish_with_care", 2)) << "it must keep trying";
  EXPECT_THAT(store_.calls("finish_with_care")[0].jobs, ElementsAre("a done", "b done"));
  store_.always("finish_with_care", {});
  lock.end();
  ASSERT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(status("b"), "done");
  EXPECT_THAT(given_up(), ElementsAre("a"));
}

TEST_F(FinisherTest, ARescueDropsAnOutcomeKeptAside) {
  Obstacle lock;
  claim({"a"});
  store_.unwritable(lock.of("a", locked()));
  push("a");
  ASSERT_TRUE(eventually([&] { return aside() == 1; }));
  fence();
  lock.end();
  ASSERT_TRUE(settles());
  EXPECT_EQ(tally_.dropped(), 1);
  EXPECT_EQ(aside(), 0);
  EXPECT_THAT(finisher_->open_claims(), IsEmpty());
}

// --- marks

TEST_F(FinisherTest, AMarkDuringTheWriteOfTheOutcomeChangesNothing) {
  test::Gate gate;
  claim({"a", "b"});
  store_.next("finish", test::held(gate));
  const job::Ref running = with_plugin("a");
  push("a");
  ASSERT_TRUE(gate.reached());
  finisher_->mark({running});
  gate.open();
  ASSERT_TRUE(store_.came("mark", 1));
  push("b");
  ASSERT_TRUE(settles());
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
  end();
  EXPECT_EQ(store_.count("mark"), 1U) << "the mark must not fill the claim";
}

TEST_F(FinisherTest, AnOutcomeDuringItsMarkIsWrittenAtTheRowsNewPlace) {
  test::Gate gate;
  claim({"a", "b"});
  store_.next("mark", test::held_after(gate));
  mark({"a"});
  ASSERT_TRUE(gate.reached());
  EXPECT_EQ(status("a"), "processing");
  push_all({"a", "b"});
  gate.open();
  ASSERT_TRUE(settles());
  ASSERT_EQ(store_.count("finish"), 1U);
  EXPECT_THAT(store_.calls("finish")[0].places, ElementsAre("where a@1 was marked", "b"));
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
}

TEST_F(FinisherTest, AMarkWithALostAnswerIsHarmless) {
  const auto number = claim({"a", "b"});
  store_.next("mark", test::answer_lost());
  mark({"a", "b"});
  ASSERT_TRUE(becomes("b", "processing"));
  mark({"a", "b"});
  ASSERT_TRUE(store_.came("mark", 2)) << "a repeated mark is sent again";
  push_all({"a", "b"});
  ASSERT_TRUE(settles());
  EXPECT_THAT(store_.calls("finish")[0].places, ElementsAre("a", "b"));
  EXPECT_THAT(store_.calls("finish")[0].claims, ElementsAre(number));
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
}

TEST_F(FinisherTest, AClaimIsFilledWhenAllItsRemainingJobsAreMarked) {
  const auto number = claim({"a", "b", "c"});
  mark({"a"});
  ASSERT_TRUE(store_.came("mark", 1));
  push("c");
  ASSERT_TRUE(becomes("c", "done"));
  store_.next("mark", {});  // the mark of b
  store_.next("mark", test::fails<store::HeldUp>());
  mark({"a", "b"});
  ASSERT_TRUE(store_.came("mark", 3));
  mark({"a", "b"});
  ASSERT_TRUE(store_.came("mark", 4));
  mark({"a", "b"});
  claim({"d"});
  push("d");
  ASSERT_TRUE(becomes("d", "done"));  // so the finisher has handled the mark
  push_all({"a", "b"});
  ASSERT_TRUE(settles());
  end();
  const auto marks = store_.calls("mark");
  ASSERT_EQ(marks.size(), 4U) << "marks that are already known are not sent again";
  EXPECT_THAT(marks[0].jobs, ElementsAre("a"));
  EXPECT_THAT(marks[1].jobs, ElementsAre("b"));
  EXPECT_THAT(marks[1].claims, IsEmpty());
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}}) {
    EXPECT_THAT(marks[i].jobs, IsEmpty());
    EXPECT_THAT(marks[i].claims, ElementsAre(number));
  }
}

// The outcome of b may be lost, and then b is pending again, and not marked.
TEST_F(FinisherTest, AClaimIsNotFilledAfterALostConnection) {
  claim({"a", "b"});
  push("b");
  ASSERT_TRUE(becomes("b", "done"));
  ASSERT_TRUE(eventually([&] { return done() == 1; }));
  store_.next("mark", test::answer_lost());
  mark({"a"});
  ASSERT_TRUE(store_.came("mark", 1));
  mark({"a"});
  ASSERT_TRUE(store_.came("mark", 2));
  push("a");
  ASSERT_TRUE(settles());
  ASSERT_TRUE(store_.came("surrender", 1));
  end();
  for (const test::Call& call : store_.calls("mark")) EXPECT_THAT(call.claims, IsEmpty());
}

TEST_F(FinisherTest, AJobThatIsGivenBackLeavesItsClaimAndIsClaimedAgain) {
  const auto number = claim({"a", "b"});
  push("a", job::Result::released);
  ASSERT_TRUE(eventually([&] { return relieved_ > 0; }));
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), 0);
  EXPECT_THAT(finisher_->open_claims(), ElementsAre(number));
  mark({"b"});
  ASSERT_TRUE(store_.came("mark", 2));
  EXPECT_THAT(store_.calls("mark")[1].claims, ElementsAre(number)) << "only b is left";
  EXPECT_FALSE(lanes_.is_exhausted());
  const auto again = claim_all(1);
  push_all({"a", "b"});
  ASSERT_TRUE(settles());
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_THAT(store_.calls("finish").back().claims, UnorderedElementsAre(number, again));
}

// --- the end

TEST_F(FinisherTest, EndsOnlyWhenAllClaimedJobsAreWritten) {
  test::Gate gate;
  claim({"a", "b"});
  finisher_->no_more();
  store_.next("finish", test::held(gate));
  push("a");
  ASSERT_TRUE(gate.reached()) << "outcomes no longer wait for others";
  push("b");
  EXPECT_EQ(ended_, 0);
  gate.open();
  ASSERT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(status("b"), "done");
}

TEST_F(FinisherTest, ADeadlineEndsThePumpDuringAnOutageAndReportsTheJobsThatRan) {
  claim({"a", "b", "c"});
  store_.always("finish", test::fails<store::Unavailable>());
  push({finished("a"), finished("b", job::Result::released), finished("c", job::Result::retry)});
  ASSERT_TRUE(store_.came("finish", 1));
  finisher_->no_more();
  finisher_->limit(Clock::now() + milliseconds(50));
  ASSERT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_THAT(given_up(), ElementsAre("a", "c")) << "b did not run";
  EXPECT_EQ(status("a"), "pending");
  EXPECT_GE(store_.calls("finish").back().at - store_.calls("finish").front().at, milliseconds(50))
      << "it tries once more at the deadline";
}

TEST_F(FinisherTest, ALockedRowIsWaitedForUntilTheDeadline) {
  Obstacle lock;
  claim({"a"});
  store_.unwritable(lock.of("a", locked()));
  push("a");
  ASSERT_TRUE(eventually([&] { return aside() == 1; }));
  finisher_->no_more();
  const auto tries = store_.count("finish_with_care");
  ASSERT_TRUE(store_.came("finish_with_care", tries + 2)) << "without a deadline, it must keep trying";
  EXPECT_EQ(ended_, 0);
  finisher_->limit(Clock::now());
  ASSERT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_THAT(given_up(), ElementsAre("a"));
  EXPECT_EQ(aside(), 0);
}

// --- effects

TEST_F(FinisherTest, EffectsAreCommittedAndTheirClaimIsClosedWithTheNextOutcomes) {
  const auto number = claim({"a"});
  push({effectful("a", "INSERT")});
  ASSERT_TRUE(eventually([&] { return store_.count("finish") == 1; }));
  ASSERT_TRUE(settles());
  EXPECT_THAT(store_.memory.effects(), ElementsAre("INSERT"));
  EXPECT_EQ(status("a"), "done");
  EXPECT_THAT(store_.calls("finish")[0].jobs, IsEmpty());
  EXPECT_THAT(store_.calls("finish")[0].claims, ElementsAre(number));
  EXPECT_EQ(done(), 1);
}

TEST_F(FinisherTest, AClaimUsedUpByEffectsIsSurrenderedAfterAnOutage) {
  const auto number = claim({"a"});
  store_.next("finish", test::fails<store::Unavailable>());
  push({effectful("a")});
  ASSERT_TRUE(store_.came("surrender", 1));
  EXPECT_THAT(store_.calls("surrender")[0].claims, ElementsAre(number))
      << "the server may have lost the commit";
}

TEST_F(FinisherTest, AFailedCommitFailsOnlyItsJob) {
  const auto number = claim({"a", "b"});
  push({effectful("a", std::string(store::MemoryStore::failing_effect)), effectful("b", "INSERT")});
  ASSERT_TRUE(settles());
  EXPECT_EQ(status("a"), "error");
  EXPECT_TRUE(store_.memory.scheduled("a")) << "a is retried";
  EXPECT_EQ(status("b"), "done");
  EXPECT_THAT(store_.memory.effects(), ElementsAre("INSERT"));
  ASSERT_EQ(store_.memory.failures().size(), 1U);
  EXPECT_EQ(store_.memory.failures()[0].code, "effect-XX000");
  EXPECT_THAT(finisher_->open_claims(), IsEmpty());
  ASSERT_TRUE(eventually([&] { return !store_.calls("finish").back().claims.empty(); }));
  EXPECT_THAT(store_.calls("finish").back().claims, ElementsAre(number));
}

TEST_F(FinisherTest, EffectsWithALostAnswerAreCommittedOnceAndNotCountedAsRescued) {
  claim({"a"});
  store_.next("commit", test::answer_lost());
  push({effectful("a", "INSERT")});
  ASSERT_TRUE(settles());
  EXPECT_EQ(store_.count("commit"), 2U);
  EXPECT_THAT(store_.memory.effects(), ElementsAre("INSERT"));
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_EQ(done(), 1);
  EXPECT_EQ(tally_.dropped(), 0);
}

TEST_F(FinisherTest, EffectsOfARescuedJobAreDropped) {
  test::Gate gate;
  claim({"a"});
  store_.next("commit", test::held(gate));
  push({effectful("a", "INSERT")});
  ASSERT_TRUE(gate.reached());
  fence();
  gate.open();
  ASSERT_TRUE(settles());
  EXPECT_THAT(store_.memory.effects(), IsEmpty());
  EXPECT_EQ(tally_.dropped(), 1);
  EXPECT_EQ(done(), 0);
}

TEST_F(FinisherTest, SlowEffectsDelayTheEndButNeitherOutcomesNorOtherRoles) {
  test::Gate gate;
  claim({"slow", "plain", "other"});
  store_.next("commit", test::held(gate));
  push({effectful("slow", "SLOW", "one")});
  ASSERT_TRUE(gate.reached());
  push({effectful("other", "OTHER", "two"), finished("plain")});
  EXPECT_TRUE(becomes("plain", "done"));
  EXPECT_TRUE(becomes("other", "done"));
  EXPECT_EQ(status("slow"), "pending");
  EXPECT_TRUE(eventually([&] { return finisher_->unwritten() == 0; })) << "claims must continue";
  finisher_->no_more();
  EXPECT_TRUE(lanes_.load().at_work);
  EXPECT_EQ(ended_, 0);
  gate.open();
  ASSERT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_EQ(status("slow"), "done");
}

TEST_F(FinisherTest, EffectsOfALockedRowAreCommittedWhenItIsUnlocked) {
  Obstacle lock;
  claim({"a"});
  store_.unwritable(lock.of("a", locked()));
  push({effectful("a", "INSERT")});
  ASSERT_TRUE(eventually([&] { return aside() == 1; }));
  lock.end();
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_TRUE(settles());
  EXPECT_THAT(store_.memory.effects(), ElementsAre("INSERT"));
  EXPECT_GE(store_.count("commit"), 2U);
  EXPECT_EQ(store_.count("finish_with_care"), 0U);
}

TEST_F(FinisherTest, ADeadlineEndsEffectsDuringAnOutage) {
  claim({"a"});
  store_.always("commit", test::fails<store::Unavailable>());
  push({effectful("a")});
  ASSERT_TRUE(store_.came("commit", 1));
  finisher_->no_more();
  EXPECT_EQ(ended_, 0);
  finisher_->limit(Clock::now());
  ASSERT_TRUE(eventually([&] { return ended_ == 1; }));
  EXPECT_THAT(given_up(), ElementsAre("a"));
}

}  // namespace
}  // namespace sluice::engine
