#include "engine/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;

constexpr auto poll = milliseconds(200);
constexpr int batch_max = 500;

const Clock::time_point start{std::chrono::hours(1)};

struct Fixture : testing::Test {
  Router router{batch_max, poll, std::nullopt};

  void one_lane(int slots = 4, int concurrency = 0) {
    router.set_lanes({{0, {"a"}, concurrency}});
    router.set_slots(0, slots);
  }
  void claimed(const Reservation& reservation, int jobs, double last = 1) {
    router.claimed(reservation, {jobs, last}, milliseconds(1), start);
  }
};

using RouterTest = Fixture;

TEST_F(RouterTest, TakesNothingWithoutSlots) {
  router.set_lanes({{0, {"a"}, 0}});
  EXPECT_FALSE(router.claimable(start));
  router.set_slots(0, 4);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, BeginsWithTheGuidesBatch) {
  one_lane();
  const auto taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].limit, first_batch);
  EXPECT_TRUE(taken[0].sweep);
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
  for (int i = 0; i < first_batch; ++i) router.returned("a", 0, true, start);
  const auto next = router.reserve(start);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_FALSE(next[0].sweep);
  EXPECT_EQ(router.request(next[0]).cursor, 42.5);
}

TEST_F(RouterTest, SweepsWhenABatchBehindTheCursorComesBackShort) {
  one_lane();
  claimed(router.reserve(start)[0], first_batch, 42.5);
  for (int i = 0; i < first_batch; ++i) router.returned("a", 0, true, start);
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
    router.claimed(router.reserve(now)[0], {1, 1.0}, milliseconds(1), now);
    EXPECT_EQ(router.next_due(now), now + milliseconds(5));
    now = router.next_due(now);
  }
}

TEST_F(RouterTest, DoesNotWalkAgainOverWhatWaitsForOthers) {
  one_lane();
  constexpr double asked_at = 5000;
  router.claimed(router.reserve(start)[0], {0, {}, 0, asked_at}, milliseconds(50), start);
  const auto again = router.reserve(start + poll);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_FALSE(again[0].sweep) << "a sweep took 50 ms, so the next is due after a second";
  EXPECT_EQ(router.request(again[0]).cursor, asked_at - 1);
}

TEST_F(RouterTest, ALaneThatRestsTakesPartInTheClaimsOfABusyOne) {
  router.set_lanes({{0, {"busy"}, 0}, {0, {"rare"}, 0}});
  router.set_slots(0, 4);
  auto now = start;
  for (int i = 0; i < 8; ++i) {
    const auto taken = router.reserve(now);
    ASSERT_EQ(taken.size(), 2U) << i;
    router.claimed(taken[0], {1, 1.0}, milliseconds(1), now);
    router.claimed(taken[1], {0, {}}, milliseconds(1), now);
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
    router.claimed(taken[0], {1, static_cast<double>(i)}, milliseconds(10), now + milliseconds(10));
    router.returned("a", 0, true, now);
    now = router.next_due(now + milliseconds(10));
  }
  EXPECT_NEAR(sweeps * 0.010 / std::chrono::duration<double>(now - start).count(), 0.05, 0.01);
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
  router.returned("a", 0, true, start);
  EXPECT_EQ(router.reserve(start)[0].limit, 1);
}

TEST_F(RouterTest, BoundsThePayloadsUnderWay) {
  one_lane();
  std::vector<int> limits;
  while (router.claimable(start)) {
    const auto taken = router.reserve(start);
    limits.push_back(taken[0].limit);
    EXPECT_EQ(router.request(taken[0]).bytes, claim_bytes);
    router.claimed(taken[0], {2, 1.0, claim_bytes}, milliseconds(1), start);  // which is no reason to rest
  }
  EXPECT_EQ(limits, (std::vector<int>{first_batch, 4, 4, 4})) << "then twice as many as would fit";
  router.returned("a", claim_bytes / 2, true, start);
  EXPECT_FALSE(router.claimable(start));
  router.returned("a", claim_bytes / 2, true, start);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, FeedsEachSlotWhateverThePayloadsSize) {
  one_lane(3);
  for (int i = 0; i < 3; ++i) {
    const auto reserved = router.reserve(start);
    ASSERT_EQ(reserved.size(), 1U) << i;
    router.claimed(reserved[0], {1, 1.0, 2 * window_bytes}, milliseconds(1), start);
  }
  EXPECT_FALSE(router.claimable(start));
  router.returned("a", 2 * window_bytes, true, start);
  EXPECT_TRUE(router.claimable(start));
}

TEST_F(RouterTest, AFullLaneDoesNotHoldUpAnother) {
  router.set_lanes({{0, {"slow"}, 1}, {0, {"fast"}, 0}});
  router.set_slots(0, 4);
  auto taken = router.reserve(start);
  ASSERT_EQ(taken.size(), 2U);
  claimed(taken[0], 1);
  claimed(taken[1], first_batch);
  for (int i = 0; i < first_batch; ++i) router.returned("fast", 0, true, start);
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
  router.returned("a", 0, true, start);
  EXPECT_FALSE(router.exhausted()) << "its outcome is not written";
  router.settled(false);
  EXPECT_TRUE(router.exhausted());
}

TEST_F(RouterTest, IsNotExhaustedWhenAJobWentBack) {
  one_lane();
  claimed(router.reserve(start)[0], 1);
  router.returned("a", 0, false, start);
  router.settled(true);
  EXPECT_FALSE(router.exhausted());
}

TEST_F(RouterTest, IsExhaustedWithoutTheLanesOfABrokenPlugin) {
  one_lane();
  EXPECT_FALSE(router.exhausted());
  router.close(0);
  EXPECT_TRUE(router.exhausted());
}

TEST(Router, KeepsToItsBudget) {
  Router router(batch_max, poll, 3);
  router.set_lanes({{0, {"a"}, 0}});
  router.set_slots(0, 4);
  const auto taken = router.reserve(start);
  EXPECT_EQ(taken[0].limit, 3);
  router.claimed(taken[0], {2, 1.0}, milliseconds(1), start);
  router.returned("a", 0, true, start);
  router.returned("a", 0, true, start);
  router.settled(false);
  router.settled(false);
  EXPECT_EQ(router.reserve(start + poll)[0].limit, 1);
}

TEST(Window, FollowsTheMeasuredRate) {
  EXPECT_EQ(window(0, 1000), 0);
  EXPECT_EQ(window(4, -1), first_batch);
  EXPECT_EQ(window(4, 1), 8);
  EXPECT_EQ(window(4, 1000), 204);
  EXPECT_EQ(window(4, 1e9), 3504);
}

}  // namespace
}  // namespace sluice::engine
