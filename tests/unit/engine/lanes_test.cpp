#include "engine/lanes/lanes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto poll = milliseconds(200);
constexpr int batch_max = 500;
constexpr job::Microseconds quick{100};

const Clock::time_point start{std::chrono::hours(1)};

/// The result of a claim: `jobs` jobs of one type for the lane of plan `plan`, each with `bytes` of payload.
store::Claimed found(const std::string& type, int jobs, double last = 1, std::int64_t bytes = 0,
                     std::size_t plan = 0) {
  store::ClaimedJob one{plan, {}, false};
  one.job.type = type;
  one.job.created_at = last;
  one.job.bytes = bytes;
  return {1, last + 0.1, std::vector<store::ClaimedJob>(static_cast<std::size_t>(jobs), one)};
}

std::vector<job::Finished> ended(const std::string& type, int jobs, std::int64_t bytes = 0,
                                 job::Result result = job::Result::done, job::Microseconds ran = quick) {
  job::Finished one;
  one.job.type = type;
  one.job.bytes = bytes;
  one.outcome.result = result;
  one.outcome.duration = ran;
  return std::vector<job::Finished>(static_cast<std::size_t>(jobs), one);
}

struct Fixture : testing::Test {
  Lanes lanes{batch_max, poll, std::nullopt, false};

  void one_lane(int slots = first_batch, int concurrency = 0) {
    lanes.set_lanes({{0, {"a"}, concurrency}});
    lanes.set_slots(0, slots);
  }
  /// Begins and ends a claim. Returns its plans.
  std::vector<ClaimPlan> claim(const store::Claimed& claimed = {}, Clock::time_point now = start) {
    auto plans = lanes.reserve(now);
    lanes.on_claim(plans, claimed, milliseconds(1), now);
    return plans;
  }
};

using LanesTest = Fixture;

TEST_F(LanesTest, ClaimsNoPausedTypes) {
  lanes.set_lanes({{0, {"a", "b"}, 0}, {0, {"c"}, 1}});
  lanes.set_slots(0, 4);
  EXPECT_TRUE(lanes.set_paused({"b", "c"}));
  EXPECT_FALSE(lanes.set_paused({"b", "c"}));
  const auto plans = claim();
  ASSERT_EQ(plans.size(), 1U);
  EXPECT_EQ(plans[0].request.types, std::vector<std::string>{"a"});
  EXPECT_TRUE(lanes.is_exhausted()) << "a drain does not wait for paused types";
  EXPECT_TRUE(lanes.set_paused({"a", "b", "c"}));
  EXPECT_FALSE(lanes.can_reserve(start + seconds(1)));
  EXPECT_TRUE(lanes.set_paused({}));
  EXPECT_FALSE(lanes.is_exhausted());
  EXPECT_EQ(claim({}, start + seconds(1)).size(), 2U) << "at once";
}

TEST_F(LanesTest, ReservesTheRoomOfALane) {
  lanes.set_lanes({{0, {"b", "a"}, 0}});
  EXPECT_FALSE(lanes.can_reserve(start));
  EXPECT_TRUE(lanes.reserve(start).empty());
  lanes.set_slots(0, 4);
  EXPECT_TRUE(lanes.can_reserve(start));
  const auto plans = lanes.reserve(start);
  ASSERT_EQ(plans.size(), 1U);
  EXPECT_EQ(plans[0].request.types, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plans[0].request.limit, 4);
  EXPECT_EQ(plans[0].request.bytes, claim_bytes);
  EXPECT_FALSE(plans[0].request.cursor);
  EXPECT_TRUE(lanes.reserve(start).empty());
  lanes.on_claim_failure(plans, start);
  EXPECT_EQ(lanes.reserve(start).at(0).request.limit, 4);
}

TEST_F(LanesTest, ClaimsForBriefLanesSeparately) {
  lanes.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0, true}, {0, {"c"}, 1}});
  lanes.set_slots(0, 4);
  const auto durable = lanes.reserve(start);
  ASSERT_EQ(durable.size(), 2U);
  EXPECT_TRUE(durable[0].durable);
  EXPECT_EQ(durable[1].request.types, std::vector<std::string>{"c"});
  const auto brief = lanes.reserve(start);
  ASSERT_EQ(brief.size(), 1U);
  EXPECT_FALSE(brief[0].durable);
  EXPECT_EQ(brief[0].request.types, std::vector<std::string>{"b"});
  EXPECT_FALSE(lanes.can_reserve(start));
}

TEST_F(LanesTest, TakeTurnsIfThereAreMoreThanOneClaimServes) {
  std::vector<LaneSpec> specs;
  for (std::size_t i = 0; i < store::max_lanes + 2; ++i) specs.push_back({0, {"t" + std::to_string(i)}, 1});
  lanes.set_lanes(specs);
  lanes.set_slots(0, 100);
  const auto plans = lanes.reserve(start);
  ASSERT_EQ(plans.size(), store::max_lanes);
  lanes.on_claim_failure(plans, start);
  const auto next = lanes.reserve(start);
  ASSERT_EQ(next.size(), store::max_lanes);
  EXPECT_EQ(next[0].lane, plans.back().lane + 1) << "it begins after the last lane of the previous claim";
  EXPECT_EQ(next[2].lane, plans[0].lane);
}

TEST_F(LanesTest, AFullLaneDoesNotDelayAnother) {
  lanes.set_lanes({{0, {"slow"}, 1}, {0, {"fast"}, 0}});
  lanes.set_slots(0, 4);
  claim(found("slow", 1));
  const auto plans = lanes.reserve(start + poll);
  ASSERT_EQ(plans.size(), 1U);
  EXPECT_EQ(plans[0].request.types, std::vector<std::string>{"fast"});
}

TEST_F(LanesTest, ContinuesAfterTheLastRowOfEachLane) {
  lanes.set_lanes({{0, {"a"}, 2}, {0, {"b"}, 2}});
  lanes.set_slots(0, 4);
  store::Claimed both = found("a", 2, 42.5);
  for (auto& one : found("b", 2, 17, 0, 1).jobs) both.jobs.push_back(one);
  claim(both);
  lanes.on_return(ended("a", 2), start);
  lanes.on_return(ended("b", 2), start);
  const auto plans = lanes.reserve(start);
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[0].request.cursor, 42.5);
  EXPECT_EQ(plans[1].request.cursor, 17);
}

// A claim locks the rows that it picks, but leaves rows for which it has no bytes. Another claim may have
// skipped those rows.
TEST_F(LanesTest, RowsThatAClaimLeftAreSearchedForAgain) {
  lanes.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0, true}});
  lanes.set_slots(0, 4);
  const auto large = lanes.reserve(start), other = lanes.reserve(start);
  ASSERT_EQ(other.size(), 1U);
  lanes.on_claim(large, found("a", 1, 1, claim_bytes), milliseconds(1), start);
  lanes.on_claim(other, {}, milliseconds(1), start);
  lanes.on_return(ended("a", 1, claim_bytes), start);
  lanes.on_write(1, false);
  claim({}, start + seconds(5));
  EXPECT_FALSE(lanes.is_exhausted());
  claim({}, start + seconds(10));
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST_F(LanesTest, RestBrieflyWhileJobsArrive) {
  one_lane();
  auto now = start;
  for (int i = 0; i < 8; ++i) {
    claim(found("a", 1), now);
    EXPECT_EQ(lanes.next_look(now), now + milliseconds(5));
    now = lanes.next_look(now);
  }
  for (int i = 0; i < 3; ++i) claim({}, now += milliseconds(50));
  EXPECT_EQ(lanes.next_look(now), now + milliseconds(10)) << "jobs may arrive for another lane";
}

TEST_F(LanesTest, ARestingLaneJoinsTheClaimsOfABusyOne) {
  lanes.set_lanes({{0, {"busy"}, 0}, {0, {"rare"}, 0}});
  lanes.set_slots(0, first_batch);
  auto now = start;
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(claim(found("busy", 1), now).size(), 2U) << i;
    EXPECT_LE(lanes.next_look(now) - now, milliseconds(5));
    now += milliseconds(5);
  }
}

TEST_F(LanesTest, PollSeldomWhileNewJobsAreAnnounced) {
  one_lane();
  lanes.set_announced(true);
  auto now = start;
  for (int i = 0; i < 20; ++i) {
    now = std::max(now, lanes.next_look(now));
    claim({}, now);
  }
  EXPECT_EQ(lanes.next_look(now) - now, 25 * poll);
  EXPECT_TRUE(lanes.load().idle);
  lanes.set_announced(false);
  EXPECT_FALSE(lanes.load().idle);
}

TEST(UnannouncedInterval, IsAtMostPollIntervalIfThatIsLong) {
  EXPECT_EQ(unannounced_interval(milliseconds(200)), seconds(5));
  EXPECT_EQ(unannounced_interval(milliseconds(20)), milliseconds(500));
  EXPECT_EQ(unannounced_interval(seconds(1)), seconds(5));
  EXPECT_EQ(unannounced_interval(std::chrono::hours(1)), std::chrono::hours(1));
}

TEST_F(LanesTest, AWakeUpDuringAClaimIsNotLost) {
  one_lane();
  const auto plans = lanes.reserve(start);
  lanes.wake();
  lanes.on_claim(plans, {}, milliseconds(1), start);
  EXPECT_TRUE(lanes.can_reserve(start));
  claim();
  EXPECT_FALSE(lanes.can_reserve(start));
  lanes.wake();
  EXPECT_TRUE(lanes.can_reserve(start));
}

TEST_F(LanesTest, JobsMadePendingEndTheRest) {
  one_lane();
  claim();
  lanes.begin_change();
  EXPECT_FALSE(lanes.is_exhausted());
  lanes.end_change(false);
  EXPECT_FALSE(lanes.can_reserve(start));
  EXPECT_TRUE(lanes.is_exhausted());
  lanes.begin_change();
  lanes.end_change(true);
  EXPECT_TRUE(lanes.can_reserve(start));
  EXPECT_FALSE(lanes.is_exhausted());
}

TEST_F(LanesTest, JobsMadePendingDuringAClaimAreNotMissed) {
  one_lane();
  const auto plans = lanes.reserve(start);
  lanes.begin_change();
  lanes.end_change(true);
  lanes.on_claim(plans, {}, milliseconds(1), start);
  EXPECT_FALSE(lanes.is_exhausted());
  EXPECT_TRUE(lanes.can_reserve(start));
}

TEST_F(LanesTest, ALaneWithJobsUnderWayIsNotIdle) {
  one_lane();
  lanes.set_announced(true);
  const auto plans = lanes.reserve(start);
  EXPECT_FALSE(lanes.load().idle);
  EXPECT_FALSE(lanes.load().at_work);
  lanes.on_claim(plans, found("a", 1), milliseconds(1), start);
  EXPECT_FALSE(lanes.load().idle);
  lanes.on_return(ended("a", 1), start);
  EXPECT_FALSE(lanes.load().idle);
  EXPECT_TRUE(lanes.load().at_work);
  lanes.on_write(1, false);
  EXPECT_TRUE(lanes.load().idle);
  EXPECT_FALSE(lanes.load().at_work);
}

TEST_F(LanesTest, SayHowBusyTheyAre) {
  one_lane();
  EXPECT_FALSE(lanes.load().resting);
  claim(found("a", 3));
  EXPECT_TRUE(lanes.load().resting);
  EXPECT_EQ(lanes.load().finds, 1);
  EXPECT_EQ(lanes.load().jobs, 3);
  lanes.set_slots(0, std::nullopt);
  EXPECT_FALSE(lanes.load().resting);
}

TEST_F(LanesTest, JobsBeingCommittedTakeRoom) {
  one_lane(4, 2);
  claim(found("a", 2));
  lanes.on_return(ended("a", 2), start);
  lanes.on_commit("a", 1);
  const auto plans = lanes.reserve(start);
  EXPECT_EQ(plans.at(0).request.limit, 1);
  lanes.on_claim_failure(plans, start);
  lanes.on_commit("a", -1);
  EXPECT_EQ(lanes.reserve(start).at(0).request.limit, 2);
}

TEST_F(LanesTest, JobsGivenBackAfterALongWaitAreNotClaimedAgainAtOnce) {
  lanes.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0}});
  lanes.set_slots(0, 4);
  store::Claimed both = found("a", 4);
  for (auto& one : found("b", 4, 1, 0, 1).jobs) both.jobs.push_back(one);
  claim(both);
  const auto later = start + seconds(1);
  const auto back = ended("a", 1, 0, job::Result::released);
  lanes.on_recall(back, seconds(1), later);
  lanes.on_return(back, later);
  EXPECT_FALSE(lanes.can_reserve(later));
}

TEST_F(LanesTest, SearchForJobsThatWereGivenBackInTheirOwnLane) {
  lanes.set_lanes({{0, {"a"}, 1}, {0, {"b"}, 1}});
  lanes.set_slots(0, 4);
  store::Claimed both = found("a", 1, 42.5);
  for (auto& one : found("b", 1, 42.5, 0, 1).jobs) both.jobs.push_back(one);
  claim(both);
  lanes.on_return(ended("a", 1, 0, job::Result::released), start);
  lanes.on_return(ended("b", 1), start);
  lanes.on_write(2, true);
  lanes.on_give_back("a", 40);
  lanes.on_give_back("nobody's", 10);
  const auto plans = lanes.reserve(start);
  ASSERT_EQ(plans.size(), 2);
  EXPECT_LT(*plans[0].request.cursor, 40);
  EXPECT_GT(*plans[0].request.cursor, 39.999);
  EXPECT_EQ(plans[1].request.cursor, 42.5);
}

TEST_F(LanesTest, AreExhaustedWhenSweptAndWritten) {
  one_lane();
  EXPECT_FALSE(lanes.is_exhausted());
  const auto plans = lanes.reserve(start);
  EXPECT_FALSE(lanes.is_exhausted()) << "a claim is in progress";
  lanes.on_claim(plans, found("a", 1), milliseconds(1), start);
  EXPECT_FALSE(lanes.is_exhausted()) << "a job is in progress";
  lanes.on_return(ended("a", 1), start);
  EXPECT_FALSE(lanes.is_exhausted()) << "its outcome is not written";
  lanes.on_write(1, false);
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST_F(LanesTest, AreNotExhaustedWhenAClaimFailed) {
  lanes.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0, true}});
  lanes.set_slots(0, 4);
  const auto plans = lanes.reserve(start);
  claim();
  lanes.on_claim_failure(plans, start);
  claim({}, start + seconds(1));
  EXPECT_FALSE(lanes.is_exhausted())
      << "the other claim may have skipped rows that the failed one had locked";
  claim({}, start + seconds(2));
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST_F(LanesTest, AreNotExhaustedAndDoNotRestAfterARivalledSweep) {
  one_lane();
  store::Claimed rivalled;
  rivalled.is_rivalled = true;
  claim(rivalled);
  EXPECT_FALSE(lanes.is_exhausted());
  EXPECT_TRUE(lanes.can_reserve(start));
  claim();
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST_F(LanesTest, AreNotExhaustedWhenAJobOrAFollowUpIsPendingAtTheEnd) {
  one_lane();
  claim(found("a", 2));
  lanes.on_return(ended("a", 2), start);
  lanes.on_write(1, false);
  const auto plans = lanes.reserve(start + seconds(1));
  lanes.on_write(1, true);
  lanes.on_claim(plans, {}, milliseconds(1), start + seconds(1));
  EXPECT_FALSE(lanes.is_exhausted()) << "the claim in progress may have missed the pending job";
  claim({}, start + seconds(2));
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST_F(LanesTest, AreExhaustedDespiteOutcomesKeptAside) {
  one_lane();
  claim(found("a", 1));
  lanes.on_return(ended("a", 1), start);
  lanes.on_aside(1);
  EXPECT_TRUE(lanes.is_exhausted());
  lanes.on_aside(-1);
  EXPECT_FALSE(lanes.is_exhausted());
  lanes.on_write(1, false);
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST_F(LanesTest, AreExhaustedDespiteTheLanesOfABrokenPlugin) {
  lanes.set_lanes({{0, {"a"}, 0}, {1, {"b"}, 0}});
  for (const std::size_t plugin : {0, 1}) lanes.set_slots(plugin, 4);
  const auto plans = lanes.reserve(start);
  lanes.set_slots(0, std::nullopt);
  EXPECT_FALSE(lanes.is_exhausted()) << "a claim of the plugin is in progress";
  lanes.on_claim(plans, found("a", 1), milliseconds(1), start);
  EXPECT_FALSE(lanes.is_exhausted()) << "a job of the plugin is in progress";
  lanes.on_return(ended("a", 1), start);
  lanes.on_write(1, false);
  EXPECT_TRUE(lanes.is_exhausted());
}

TEST(Lanes, OfADrainAreSweptAsSoonAsABatchIsShort) {
  Lanes lanes(batch_max, poll, std::nullopt, true);
  lanes.set_lanes({{0, {"a"}, 0}});
  lanes.set_slots(0, 4);
  lanes.on_claim(lanes.reserve(start), found("a", 4), seconds(1), start);
  lanes.on_return(ended("a", 4), start);
  const auto plans = lanes.reserve(start);
  EXPECT_TRUE(plans.at(0).request.cursor);
  lanes.on_claim(plans, {}, milliseconds(1), start);
  EXPECT_FALSE(lanes.reserve(start).at(0).request.cursor);
}

TEST(Lanes, AreExhaustedWhenTheBudgetIsUsedUpAndNoClaimIsInProgress) {
  Lanes lanes(batch_max, poll, 3, true);
  lanes.set_lanes({{0, {"a"}, 2}, {0, {"b"}, 0, true}});
  lanes.set_slots(0, 4);
  const auto first = lanes.reserve(start), second = lanes.reserve(start);
  EXPECT_EQ(first.at(0).request.limit, 2);
  EXPECT_EQ(second.at(0).request.limit, 1);
  EXPECT_FALSE(lanes.is_exhausted());
  lanes.on_claim(first, found("a", 2), milliseconds(1), start);
  lanes.on_return(ended("a", 2), start);
  lanes.on_write(2, false);
  EXPECT_FALSE(lanes.is_exhausted()) << "the other claim may return a job";
  lanes.on_claim(second, found("b", 1), milliseconds(1), start);
  lanes.on_return(ended("b", 1, 0, job::Result::released), start);
  lanes.on_write(1, true);
  EXPECT_FALSE(lanes.is_exhausted()) << "the job did not start";
  EXPECT_EQ(lanes.reserve(start + poll).at(0).request.limit, 1);
}

TEST_F(LanesTest, ANewTypeOfALaneIsSearchedFromTheOldestRow) {
  one_lane();
  claim(found("a", first_batch, 42));
  lanes.on_return(ended("a", first_batch), start);
  lanes.set_lanes({{0, {"a"}, 0}});
  auto plans = lanes.reserve(start);
  EXPECT_EQ(plans.at(0).request.cursor, 42) << "the lane has not changed";
  lanes.on_claim_failure(plans, start);
  lanes.set_lanes({{0, {"a", "b"}, 0}});
  EXPECT_FALSE(lanes.reserve(start).at(0).request.cursor);
}

TEST_F(LanesTest, AClaimDoesNotExhaustALaneThatChangedMeanwhile) {
  one_lane();
  const auto plans = lanes.reserve(start);
  lanes.set_lanes({{0, {"a", "b"}, 0}});
  lanes.on_claim(plans, {}, milliseconds(1), start);
  EXPECT_FALSE(lanes.is_exhausted());
}

TEST_F(LanesTest, AClaimOfARemovedLaneStillCounts) {
  lanes.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 3}});
  lanes.set_slots(0, 4);
  const auto plans = lanes.reserve(start);
  ASSERT_EQ(plans.size(), 2U);
  lanes.set_lanes({{0, {"a"}, 0}});
  lanes.on_claim(plans, found("b", 3, 1, 0, 1), milliseconds(1), start);
  EXPECT_EQ(lanes.load().jobs, 3);
  EXPECT_TRUE(lanes.load().at_work);
  lanes.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 3}});
  lanes.set_slots(0, 4);
  EXPECT_EQ(lanes.reserve(start).size(), 1U) << "three of b are in flight";
  lanes.on_return(ended("b", 3), start);
  EXPECT_EQ(lanes.reserve(start).at(0).request.limit, 3);
}

}  // namespace
}  // namespace sluice::engine
