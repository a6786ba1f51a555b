#include "engine/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;

constexpr auto poll = milliseconds(200);
constexpr int batch_max = 500;
constexpr job::Microseconds quick{100};

const Clock::time_point start{std::chrono::hours(1)};

/// What a claim brought: so many jobs of one type, with `bytes` of payload each.
ClaimResult found(const std::string& type, int jobs, double last = 1, std::int64_t bytes = 0) {
  ClaimResult result;
  for (int i = 0; i < jobs; ++i) result.add(type, bytes, last);
  result.last_created_at = last;
  return result;
}
ClaimResult nothing(double asked_at = 0) {
  ClaimResult result;
  result.asked_at = asked_at;
  return result;
}

struct Fixture : testing::Test {
  Router router{batch_max, poll, std::nullopt};

  void one_lane(int slots = first_batch, int concurrency = 0) {
    router.set_lanes({{0, {"a"}, concurrency}});
    router.set_slots(0, slots);
  }
  void claimed(const Reservation& reservation, int jobs, double last = 1, const std::string& type = "a") {
    router.claimed(reservation, found(type, jobs, last), milliseconds(1), start);
  }
};

using RouterTest = Fixture;

TEST_F(RouterTest, TakesNothingWithoutSlots) {
  router.set_lanes({{0, {"a"}, 0}});
  EXPECT_FALSE(router.claimable(start));
  router.set_slots(0, 4);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, BeginsWithAJobForEachSlot) {
  one_lane();
  const auto taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].limit, first_batch);
  EXPECT_TRUE(taken[0].sweep);
}

TEST_F(RouterTest, ClaimsForBriefLanesByThemselves) {
  router.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0, true}, {0, {"c"}, 1}});
  router.set_slots(0, 4);
  const auto durable = router.reserve(start);
  ASSERT_EQ(durable.size(), 2U);
  EXPECT_TRUE(durable[0].durable);
  EXPECT_EQ(router.request(durable[1]).types, std::vector<std::string>{"c"});
  const auto brief = router.reserve(start);
  ASSERT_EQ(brief.size(), 1U);
  EXPECT_FALSE(brief[0].durable);
  EXPECT_EQ(router.request(brief[0]).types, std::vector<std::string>{"b"});
  EXPECT_FALSE(router.claimable(start));
}

// A claim locks what it picks, and leaves what its bytes have no room for: another may have passed over that.
TEST_F(RouterTest, RowsThatAClaimLeftAreLookedForAgain) {
  router.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0, true}});
  router.set_slots(0, 4);
  const auto large = router.reserve(start), other = router.reserve(start);
  ASSERT_EQ(other.size(), 1U);
  router.claimed(large[0], found("a", 1, 1, claim_bytes), milliseconds(1), start);
  router.claimed(other[0], nothing(), milliseconds(1), start);
  router.returned("a", claim_bytes, quick, start);
  router.settled(false);
  const auto rest = router.reserve(start + std::chrono::seconds(5));
  for (const auto& one : rest)
    router.claimed(one, nothing(), milliseconds(1), start + std::chrono::seconds(5));
  EXPECT_FALSE(router.exhausted());
  for (const auto& one : router.reserve(start + std::chrono::seconds(10))) {
    router.claimed(one, nothing(), milliseconds(1), start + std::chrono::seconds(10));
  }
  EXPECT_TRUE(router.exhausted());
}

TEST_F(RouterTest, GivesOutRoomOnce) {
  one_lane();
  const auto taken = router.reserve(start);
  EXPECT_TRUE(router.reserve(start).empty());
  router.unclaimed(taken[0]);
  EXPECT_EQ(router.reserve(start).size(), 1U);
}

TEST_F(RouterTest, GoesOnBehindTheLastRowOfAFullBatch) {
  one_lane();
  claimed(router.reserve(start)[0], first_batch, 42.5);
  for (int i = 0; i < first_batch; ++i) router.returned("a", 0, quick, start);
  const auto next = router.reserve(start);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_FALSE(next[0].sweep);
  EXPECT_EQ(router.request(next[0]).cursor, 42.5);
}

TEST_F(RouterTest, SweepsWhenABatchBehindTheCursorComesBackShort) {
  one_lane();
  claimed(router.reserve(start)[0], first_batch, 42.5);
  for (int i = 0; i < first_batch; ++i) router.returned("a", 0, quick, start);
  claimed(router.reserve(start)[0], 0);
  const auto later = router.reserve(start + poll);
  ASSERT_EQ(later.size(), 1U);
  EXPECT_TRUE(later[0].sweep);
  EXPECT_FALSE(router.request(later[0]).cursor);
}

TEST_F(RouterTest, RestsLongerAndLongerWhileNothingComes) {
  one_lane();
  auto now = start;
  std::vector<Clock::duration> rests;
  for (int i = 0; i < 8; ++i) {
    router.claimed(router.reserve(now)[0], {}, milliseconds(1), now);
    EXPECT_FALSE(router.claimable(now));
    rests.push_back(router.next_due(now) - now);
    now = router.next_due(now);
    EXPECT_TRUE(router.claimable(now));
  }
  EXPECT_EQ(rests.front(), milliseconds(5));
  EXPECT_EQ(rests.back(), poll);
  EXPECT_TRUE(std::is_sorted(rests.begin(), rests.end()));
}

TEST_F(RouterTest, RestsBrieflyWhileJobsCome) {
  one_lane();
  auto now = start;
  for (int i = 0; i < 8; ++i) {
    router.claimed(router.reserve(now)[0], found("a", 1), milliseconds(1), now);
    EXPECT_EQ(router.next_due(now), now + milliseconds(5));
    now = router.next_due(now);
  }
}

TEST_F(RouterTest, DoesNotWalkAgainOverWhatWaitsForOthers) {
  one_lane();
  constexpr double asked_at = 5000;
  router.claimed(router.reserve(start)[0], nothing(asked_at), milliseconds(50), start);
  const auto again = router.reserve(start + poll);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_FALSE(again[0].sweep) << "a sweep took 50 ms, so the next is due after a second";
  EXPECT_EQ(router.request(again[0]).cursor, asked_at - 1);
}

TEST_F(RouterTest, ALaneThatRestsTakesPartInTheClaimsOfABusyOne) {
  router.set_lanes({{0, {"busy"}, 0}, {0, {"rare"}, 0}});
  router.set_slots(0, first_batch);
  auto now = start;
  for (int i = 0; i < 8; ++i) {
    const auto taken = router.reserve(now);
    ASSERT_EQ(taken.size(), 2U) << i;
    router.claimed(taken[0], found("busy", 1), milliseconds(1), now);
    router.claimed(taken[1], nothing(), milliseconds(1), now);
    EXPECT_LE(router.next_due(now) - now, milliseconds(5));
    now += milliseconds(5);
  }
}

TEST_F(RouterTest, AWakeUpEndsTheRest) {
  one_lane();
  claimed(router.reserve(start)[0], 0);
  EXPECT_FALSE(router.claimable(start));
  router.wake();
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, AWakeUpDuringAClaimIsNotLost) {
  one_lane();
  const auto taken = router.reserve(start);
  router.wake();
  claimed(taken[0], 0);
  EXPECT_TRUE(router.claimable(start));
  claimed(router.reserve(start)[0], 0);
  EXPECT_FALSE(router.claimable(start));
}

TEST_F(RouterTest, JobsMadePendingDuringAClaimAreNotMissed) {
  one_lane();
  const auto taken = router.reserve(start);
  router.begin_change();
  router.end_change(true);
  claimed(taken[0], 0);
  EXPECT_FALSE(router.exhausted());
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, SweepsForATwentiethOfTheTimeWhileJobsCome) {
  one_lane();
  auto now = start;
  int sweeps = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto taken = router.reserve(now);
    sweeps += taken[0].sweep ? 1 : 0;
    router.claimed(taken[0], found("a", 1, i), milliseconds(10), now + milliseconds(10));
    router.returned("a", 0, quick, now);
    now = router.next_due(now + milliseconds(10));
  }
  EXPECT_NEAR(sweeps * 0.010 / std::chrono::duration<double>(now - start).count(), 0.05, 0.01);
}

TEST_F(RouterTest, SlowSweepsTakeLessWhileBatchesComeBackFullAndFollowAtOnceWhenTheyEnd) {
  one_lane();
  auto now = start;
  milliseconds swept{0};
  for (int i = 0; i < 1000; ++i) {
    const auto taken = router.reserve(now);
    ASSERT_EQ(taken.size(), 1U);
    const milliseconds took(taken[0].sweep ? 50 : 10);
    if (taken[0].sweep) swept += took;
    now += took;
    router.claimed(taken[0], found("a", taken[0].limit, i), took, now);
    for (int job = 0; job < taken[0].limit; ++job) router.returned("a", 0, quick, now);
  }
  EXPECT_GT(swept.count(), 100);
  EXPECT_NEAR(std::chrono::duration<double>(swept) / (now - start), 1.0 / 60, 0.005);
  auto last = router.reserve(now);
  if (last[0].sweep) {
    router.claimed(last[0], found("a", last[0].limit, 1000), milliseconds(50), now);
    for (int job = 0; job < last[0].limit; ++job) router.returned("a", 0, quick, now);
    last = router.reserve(now);
  }
  router.claimed(last[0], nothing(), milliseconds(1), now);
  EXPECT_TRUE(router.reserve(now).at(0).sweep);
}

TEST_F(RouterTest, SlowSweepsTakeATwentiethWhileNothingComes) {
  one_lane();
  auto now = start;
  milliseconds swept{0};
  while (now < start + std::chrono::seconds(100)) {
    const auto taken = router.reserve(now);
    ASSERT_EQ(taken.size(), 1U);
    if (taken[0].sweep) swept += milliseconds(100);
    router.claimed(taken[0], nothing(), milliseconds(taken[0].sweep ? 100 : 1), now);
    now = router.next_due(now);
  }
  EXPECT_GT(swept.count(), 2'500);
  EXPECT_LE(swept.count(), 5'350);
}

TEST_F(RouterTest, TheEndOfADrainWaitsForNoSweepToBeDue) {
  one_lane();
  router.end_when_dry();
  const auto first = router.reserve(start);
  router.claimed(first[0], found("a", first[0].limit), milliseconds(1000), start);
  for (int i = 0; i < first[0].limit; ++i) router.returned("a", 0, quick, start);
  const auto next = router.reserve(start);
  EXPECT_FALSE(next.at(0).sweep);
  router.claimed(next[0], nothing(), milliseconds(1), start);
  EXPECT_TRUE(router.reserve(start).at(0).sweep);
}

TEST_F(RouterTest, LooksSeldomWhileNewJobsAreAnnounced) {
  one_lane();
  router.set_announced(true);
  auto now = start;
  for (int i = 0; i < 20; ++i) {
    now = std::max(now, router.next_due(now));
    const auto taken = router.reserve(now);
    if (!taken.empty()) router.claimed(taken[0], nothing(), milliseconds(1), now);
  }
  EXPECT_EQ(router.next_due(now) - now, 25 * poll);
  EXPECT_TRUE(router.load().idle);
  router.set_announced(false);
  EXPECT_FALSE(router.load().idle);
}

TEST_F(RouterTest, ALaneWithJobsUnderWayIsNotIdle) {
  one_lane();
  router.set_announced(true);
  const auto taken = router.reserve(start);
  EXPECT_FALSE(router.load().idle);
  claimed(taken[0], 1);
  EXPECT_FALSE(router.load().idle);
  router.returned("a", 0, quick, start);
  EXPECT_FALSE(router.load().idle);
  router.settled(false);
  EXPECT_TRUE(router.load().idle);
}

TEST(Router, LooksAtLeastAsOftenAsPollIntervalSaysWhereThatIsSeldom) {
  EXPECT_EQ(unannounced_interval(milliseconds(200)), std::chrono::seconds(5));
  EXPECT_EQ(unannounced_interval(milliseconds(20)), milliseconds(500));
  EXPECT_EQ(unannounced_interval(std::chrono::seconds(1)), std::chrono::seconds(5));
  EXPECT_EQ(unannounced_interval(std::chrono::hours(1)), std::chrono::hours(1));
}

TEST_F(RouterTest, SaysHowBusyItIs) {
  one_lane();
  EXPECT_FALSE(router.load().resting);
  claimed(router.reserve(start)[0], 3);
  EXPECT_TRUE(router.load().resting);
  EXPECT_EQ(router.load().finds, 1);
  router.close(0);
  EXPECT_FALSE(router.load().resting);
}

TEST_F(RouterTest, JobsMadePendingEndTheRest) {
  one_lane();
  claimed(router.reserve(start)[0], 0);
  router.begin_change();
  router.end_change(false);
  EXPECT_FALSE(router.claimable(start));
  router.begin_change();
  router.end_change(true);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, IsNotExhaustedWhileJobsAreMadePending) {
  one_lane();
  claimed(router.reserve(start)[0], 0);
  EXPECT_TRUE(router.exhausted());
  router.begin_change();
  EXPECT_FALSE(router.exhausted());
  router.end_change(false);
  EXPECT_TRUE(router.exhausted());
}

TEST_F(RouterTest, HoldsATypesConcurrency) {
  one_lane(4, 2);
  const auto taken = router.reserve(start);
  EXPECT_EQ(taken[0].limit, 2);
  claimed(taken[0], 2);
  EXPECT_FALSE(router.claimable(start));
  router.returned("a", 0, quick, start);
  EXPECT_EQ(router.reserve(start)[0].limit, 1);
}

TEST_F(RouterTest, BoundsThePayloadsUnderWay) {
  one_lane(4);
  claimed(router.reserve(start)[0], 4);
  for (int i = 0; i < 4; ++i) router.returned("a", 0, quick, start);
  std::vector<int> limits;
  while (router.claimable(start)) {
    const auto taken = router.reserve(start);
    limits.push_back(taken[0].limit);
    EXPECT_EQ(router.request(taken[0]).bytes, claim_bytes);
    router.claimed(taken[0], found("a", 2, 1, claim_bytes / 2), milliseconds(1),
                   start);  // which is no reason to rest
  }
  EXPECT_EQ(limits, (std::vector<int>{batch_max, 4, 4, 4})) << "then twice as many as would fit";
  router.returned("a", claim_bytes / 2, quick, start);
  EXPECT_FALSE(router.claimable(start));
  router.returned("a", claim_bytes / 2, quick, start);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, FeedsEachSlotWhateverThePayloadsSize) {
  one_lane(3);
  for (int i = 0; i < 3; ++i) {
    const auto reserved = router.reserve(start);
    ASSERT_EQ(reserved.size(), 1U) << i;
    router.claimed(reserved[0], found("a", 1, 1, 2 * window_bytes), milliseconds(1), start);
  }
  EXPECT_FALSE(router.claimable(start));
  router.returned("a", 2 * window_bytes, quick, start);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, AFullLaneDoesNotHoldUpAnother) {
  router.set_lanes({{0, {"slow"}, 1}, {0, {"fast"}, 0}});
  router.set_slots(0, 4);
  auto taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 2U);
  claimed(taken[0], 1, 1, "slow");
  claimed(taken[1], first_batch, 1, "fast");
  for (int i = 0; i < first_batch; ++i) router.returned("fast", 0, quick, start);
  taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(router.request(taken[0]).types, std::vector<std::string>{"fast"});
}

TEST_F(RouterTest, IsExhaustedWhenSweptAndWritten) {
  one_lane();
  EXPECT_FALSE(router.exhausted());
  const auto taken = router.reserve(start);
  EXPECT_FALSE(router.exhausted()) << "a claim is under way";
  claimed(taken[0], 1);
  EXPECT_FALSE(router.exhausted()) << "a job is under way";
  router.returned("a", 0, quick, start);
  EXPECT_FALSE(router.exhausted()) << "its outcome is not written";
  router.settled(false);
  EXPECT_TRUE(router.exhausted());
}

TEST_F(RouterTest, IsNotExhaustedWhenAJobWentBack) {
  one_lane();
  claimed(router.reserve(start)[0], 1);
  router.returned("a", 0, std::nullopt, start);
  router.settled(true);
  EXPECT_FALSE(router.exhausted());
}

TEST_F(RouterTest, IsExhaustedWithoutTheLanesOfABrokenPlugin) {
  one_lane();
  EXPECT_FALSE(router.exhausted());
  router.close(0);
  EXPECT_TRUE(router.exhausted());
}

TEST_F(RouterTest, AJobUnderWayKeepsItsRoomWhenTheLanesChange) {
  one_lane(4, 2);
  claimed(router.reserve(start)[0], 2);
  router.set_lanes({{1, {"a"}, 2}, {1, {"b"}, 0}});  // a plugin of another file took the type over
  router.set_slots(1, 4);
  auto taken = router.reserve(start + poll);
  ASSERT_EQ(taken.size(), 1U) << "both of a are still under way";
  EXPECT_EQ(router.request(taken[0]).types, std::vector<std::string>{"b"});
  router.returned("a", 0, quick, start);
  taken = router.reserve(start + 2 * poll);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(router.request(taken[0]).types, std::vector<std::string>{"a"});
  EXPECT_EQ(taken[0].limit, 1);
}

TEST_F(RouterTest, ATypeThatMovesTakesItsJobsAlong) {
  router.set_lanes({{0, {"a", "b"}, 0}});
  router.set_slots(0, first_batch);
  ClaimResult both = found("a", 5);
  for (int i = 0; i < 4; ++i) both.add("b", 0, 1);
  router.claimed(router.reserve(start)[0], both, milliseconds(1), start);
  router.set_lanes({{0, {"a"}, 0}, {1, {"b"}, 10}});
  router.set_slots(0, first_batch);
  router.set_slots(1, first_batch);
  const auto taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].limit, first_batch - 5);
  EXPECT_EQ(taken[1].limit, 10 - 4);
  for (int i = 0; i < 4; ++i) router.returned("b", 0, quick, start);
  router.unclaimed(taken[1]);
  EXPECT_EQ(router.reserve(start).at(0).limit, 10);
}

TEST_F(RouterTest, AClaimThatIsUnderWayWhenTheLanesChangeLosesNoRoom) {
  router.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 3}});
  router.set_slots(0, 4);
  const auto taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 2U);
  router.set_lanes({{0, {"a"}, 0}});
  EXPECT_TRUE(router.request(taken[1]).types.empty());
  claimed(taken[0], first_batch);
  claimed(taken[1], 3, 1, "b");  // asked for before
  EXPECT_TRUE(router.reserve(start).empty());
  router.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 3}});
  router.set_slots(0, 4);
  EXPECT_TRUE(router.reserve(start).empty()) << "three of b are under way";
  for (int i = 0; i < 3; ++i) router.returned("b", 0, quick, start);
  EXPECT_EQ(router.reserve(start).at(0).limit, 3);
}

TEST_F(RouterTest, AnotherTypeInALaneIsLookedForFromTheOldestRow) {
  one_lane();
  claimed(router.reserve(start)[0], first_batch, 42);
  for (int i = 0; i < first_batch; ++i) router.returned("a", 0, quick, start);
  router.set_lanes({{0, {"a", "b"}, 0}});
  EXPECT_TRUE(router.reserve(start).at(0).sweep);
}

TEST_F(RouterTest, AClaimDoesNotExhaustALaneThatChangedMeanwhile) {
  one_lane();
  const auto taken = router.reserve(start);
  router.set_lanes({{0, {"a", "b"}, 0}});
  claimed(taken[0], 0);
  EXPECT_FALSE(router.exhausted());
}

TEST_F(RouterTest, ReusesTheLanesOfTypesThatAreGone) {
  for (int i = 0; i < 100; ++i) {
    router.set_lanes({{0, {"a" + std::to_string(i)}, 0}});
    router.set_slots(0, 4);
    const auto taken = router.reserve(start);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_LE(taken[0].lane, 1U);
    router.unclaimed(taken[0]);
  }
}

TEST(Router, KeepsToItsBudget) {
  Router router(batch_max, poll, 3);
  router.set_lanes({{0, {"a"}, 0}});
  router.set_slots(0, 4);
  const auto taken = router.reserve(start);
  EXPECT_EQ(taken[0].limit, 3);
  router.claimed(taken[0], found("a", 2), milliseconds(1), start);
  router.returned("a", 0, quick, start);
  router.returned("a", 0, quick, start);
  router.settled(false);
  router.settled(false);
  EXPECT_EQ(router.reserve(start + poll)[0].limit, 1);
}

TEST(Window, FollowsWhatAJobTakes) {
  EXPECT_EQ(window(0, 0.001), 0);
  EXPECT_EQ(window(4, -1), 4) << "nothing is queued of what is not known";
  EXPECT_EQ(window(4, 1), 4) << "nor of slow jobs";
  EXPECT_EQ(window(4, 0.1), 12);
  EXPECT_EQ(window(4, 0.001), 804);
  EXPECT_EQ(window(4, 0), 3504);
}

// Had it gone by the fast ones, it would have taken what another runtime has free slots for.
TEST_F(RouterTest, TheWindowFollowsTheSlowestRecentType) {
  router.set_lanes({{0, {"fast", "slow"}, 0}});
  router.set_slots(0, 4);
  auto now = start;
  const auto first = router.reserve(now);
  ClaimResult both = found("fast", 3);
  both.add("slow", 0, 1);
  router.claimed(first[0], both, milliseconds(1), now);
  for (int i = 0; i < 3; ++i) router.returned("fast", 0, quick, now);
  EXPECT_GT(router.reserve(now)[0].limit, 10) << "one is still under way, of which nothing is known";
  router.returned("slow", 0, std::chrono::seconds(1), now);
  router.returned("fast", 0, quick, now);
  EXPECT_FALSE(router.claimable(now)) << "so many are reserved";
}

TEST_F(RouterTest, NothingIsQueuedBeforeAJobEnded) {
  one_lane(4);
  claimed(router.reserve(start)[0], 4);
  for (int later = 50; later < 5000; later += 50) {
    EXPECT_TRUE(router.reserve(start + milliseconds(later)).empty()) << later << " ms";
  }
}

TEST_F(RouterTest, WhatDoesNotEndIsSlow) {
  one_lane(4);
  claimed(router.reserve(start)[0], 4);
  for (int i = 0; i < 4; ++i) router.returned("a", 0, quick, start);
  const auto many = router.reserve(start);
  ASSERT_GT(many[0].limit, 10);
  router.claimed(many[0], found("a", 10), milliseconds(1), start);
  EXPECT_TRUE(router.claimable(start + milliseconds(20)));
  EXPECT_FALSE(router.claimable(start + std::chrono::seconds(1)));
}

TEST_F(RouterTest, SlowLanesOfAPluginShareItsSlots) {
  router.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0}});
  router.set_slots(0, 4);
  const auto first = router.reserve(start);
  ASSERT_EQ(first.size(), 2U);
  claimed(first[0], 1, 1, "a");
  claimed(first[1], 1, 1, "b");
  for (const char* type : {"a", "b"}) router.returned(type, 0, std::chrono::seconds(1), start);
  const auto next = router.reserve(start + poll);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].limit, 4);
}

TEST_F(RouterTest, WhatRunsAtMostOnceIsClaimedForIdleSlotsAlone) {
  LaneSpec once{0, {"a"}, 0};
  once.at_most_once = true;
  router.set_lanes({once});
  router.set_slots(0, 4);
  claimed(router.reserve(start)[0], 4);
  for (int i = 0; i < 3; ++i) router.returned("a", 0, quick, start);
  const auto next = router.reserve(start);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].limit, 3);
}

TEST_F(RouterTest, WhatWasGivenBackAfterALongWaitIsNotTakenAgainAtOnce) {
  router.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0}});
  router.set_slots(0, 4);
  const auto first = router.reserve(start);
  claimed(first[0], 4, 1, "a");
  claimed(first[1], 4, 1, "b");
  const auto later = start + std::chrono::seconds(1);
  router.returned("a", 0, std::nullopt, later);
  router.waited("a", std::chrono::seconds(1), later);
  EXPECT_FALSE(router.claimable(later));
}

}  // namespace
}  // namespace sluice::engine
