#include "engine/lanes/lane_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds poll{200};

const Clock::time_point start{std::chrono::hours(1)};

LaneSearch::Find full(double last = 1, milliseconds took = milliseconds(1)) {
  return {20, false, false, false, last, last + 0.1, took};
}
LaneSearch::Find few(double last = 1, milliseconds took = milliseconds(1)) {
  return {1, true, false, false, last, last + 0.1, took};
}
LaneSearch::Find nothing(double asked_at = 0, milliseconds took = milliseconds(1)) {
  return {0, true, false, false, std::nullopt, asked_at, took};
}

struct Fixture : testing::Test {
  LaneSearch search{poll, false};
  Clock::time_point now = start;

  /// Begins and ends a claim. Returns its cursor.
  std::optional<double> claim(const LaneSearch::Find& find, Clock::duration longest_rest = poll) {
    const auto cursor = search.begin(now);
    search.end(cursor, find, longest_rest, now);
    return cursor;
  }
  bool rests() const { return search.rests_until() > now; }
  Clock::duration rest() const { return search.rests_until() - now; }
};

using LaneSearchTest = Fixture;

TEST_F(LaneSearchTest, ContinuesAfterTheLastRowOfAFullBatch) {
  EXPECT_FALSE(rests());
  EXPECT_EQ(claim(full(42.5)), std::nullopt);
  EXPECT_FALSE(rests());
  EXPECT_EQ(claim(full(40)), 42.5);
  EXPECT_EQ(claim(full(43)), 42.5) << "the cursor never goes back";
  EXPECT_EQ(claim(full(44)), 43);
}

TEST_F(LaneSearchTest, LooksAgainAtTheLastTenthOfASecond) {
  LaneSearch::Find fresh = full(100);
  fresh.asked_at = 100.02;
  claim(fresh);
  EXPECT_NEAR(*claim(full(101)), 99.92, 1e-9) << "an earlier transaction may have committed since";
}

TEST_F(LaneSearchTest, GoesBackForAJobThatWasGivenBack) {
  claim(nothing(50));
  search.go_back(100);
  EXPECT_EQ(claim(nothing(50)), 49) << "the job is after the cursor";
  search.go_back(30);
  EXPECT_FALSE(search.is_empty());
  const auto cursor = search.begin(now);
  EXPECT_LT(*cursor, 30);
  EXPECT_GT(*cursor, 29.999);
}

TEST_F(LaneSearchTest, SweepsEveryTenSecondsEvenIfSweepsAreSlow) {
  claim(full(1, seconds(3)));
  claim(nothing());
  now += milliseconds(9999);
  EXPECT_TRUE(claim(nothing()));
  now += milliseconds(1);
  EXPECT_EQ(claim(nothing()), std::nullopt);
}

TEST_F(LaneSearchTest, SweepsAfterAShortBatch) {
  claim(full(42.5));
  claim(nothing());
  EXPECT_FALSE(search.is_empty()) << "rows may wait behind the cursor";
  now += poll;
  EXPECT_EQ(claim(nothing()), std::nullopt);
  EXPECT_TRUE(search.is_empty());
}

TEST_F(LaneSearchTest, MakesOneSweepAtATime) {
  claim(full(42.5));
  now += seconds(1);
  EXPECT_EQ(search.begin(now), std::nullopt);
  search.end(42.5, full(50), poll, now);  // another claim, which began earlier
  EXPECT_EQ(search.begin(now), 50);
  EXPECT_EQ(search.begin(now + poll), std::nullopt) << "the sweep has taken too long";
}

TEST_F(LaneSearchTest, RestsLongerAndLongerWithoutJobs) {
  std::vector<Clock::duration> rests;
  for (int i = 0; i < 8; ++i) {
    claim(nothing());
    rests.push_back(rest());
    now = search.rests_until();
  }
  EXPECT_EQ(rests.front(), milliseconds(5));
  EXPECT_EQ(rests[1], milliseconds(10));
  EXPECT_EQ(rests.back(), poll);
  EXPECT_TRUE(std::is_sorted(rests.begin(), rests.end()));
  claim(few());
  EXPECT_EQ(rest(), milliseconds(5));
}

TEST_F(LaneSearchTest, ARestEndsWhenASweepIsDue) {
  for (int i = 0; i < 8; ++i) {
    claim(nothing());
    now = search.rests_until();
  }
  claim(full(1, milliseconds(5)));  // a sweep: the next is due in 100 ms
  claim(nothing());
  claim(nothing());
  claim(nothing(), seconds(5));
  claim(nothing(), seconds(5));
  claim(nothing(), seconds(5));
  claim(nothing(), seconds(5));
  EXPECT_EQ(rest(), milliseconds(100));
}

TEST_F(LaneSearchTest, ARestingLaneJoinsClaimsOfOthersUnlessItHasJustClaimed) {
  EXPECT_TRUE(search.can_join(now));
  for (int i = 0; i < 4; ++i) claim(nothing());
  EXPECT_EQ(rest(), milliseconds(40));
  EXPECT_FALSE(search.can_join(now + milliseconds(4)));
  EXPECT_TRUE(search.can_join(now + milliseconds(5)));
}

TEST_F(LaneSearchTest, DoesNotScanRowsOfOtherLanesAgain) {
  constexpr double asked_at = 5000;
  claim(nothing(asked_at, milliseconds(50)));
  now += poll;
  EXPECT_EQ(claim(nothing(asked_at + 0.5)), asked_at - 1) << "the next sweep is due after at least a second";
  EXPECT_EQ(claim(full(asked_at - 0.7)), asked_at - 0.5);
}

TEST_F(LaneSearchTest, AWakeUpEndsTheRest) {
  for (int i = 0; i < 4; ++i) claim(nothing());
  search.wake();
  EXPECT_FALSE(rests());
  EXPECT_TRUE(search.is_empty());
  claim(nothing());
  EXPECT_EQ(rest(), milliseconds(5)) << "the rests begin again with the shortest";
}

TEST_F(LaneSearchTest, AStaleClaimIsRepeatedAtOnceAndProvesNothing) {
  claim(nothing());
  LaneSearch::Find stale = nothing();
  stale.is_stale = true;
  claim(stale);
  EXPECT_FALSE(rests());
  EXPECT_FALSE(search.is_empty());
}

TEST_F(LaneSearchTest, AnInvalidSweepProvesNothing) {
  LaneSearch::Find invalid = nothing();
  invalid.is_invalid = true;
  claim(invalid);
  EXPECT_FALSE(search.is_empty());
  EXPECT_TRUE(rests());
  now += poll;
  claim(nothing());
  EXPECT_TRUE(search.is_empty());
  search.invalidate();
  EXPECT_FALSE(search.is_empty());
}

TEST_F(LaneSearchTest, StaysEmptyUntilAFullBatch) {
  claim(few());
  EXPECT_TRUE(search.is_empty());
  claim(few());
  EXPECT_TRUE(search.is_empty()) << "also after the cursor";
  claim(full());
  EXPECT_FALSE(search.is_empty());
}

TEST_F(LaneSearchTest, ARestartSearchesFromTheOldestRowAtOnce) {
  claim(full(42.5));
  claim(few(43));
  search.restart();
  EXPECT_FALSE(rests());
  EXPECT_FALSE(search.is_empty());
  EXPECT_EQ(claim(full(42)), std::nullopt);
  EXPECT_EQ(claim(full(43)), 42);
}

TEST_F(LaneSearchTest, ARestartDuringAClaimAppliesAfterTheClaim) {
  claim(full(42));
  const auto cursor = search.begin(now);
  search.restart();
  search.end(cursor, full(43), poll, now);
  EXPECT_EQ(claim(full(3)), std::nullopt);
}

TEST_F(LaneSearchTest, OtherTypesAreSearchedFromTheOldestRowAtOnce) {
  claim(full(42.5, seconds(1)));
  const auto cursor = search.begin(now);
  search.forget();
  search.end(cursor, full(43), poll, now);  // this claim began before forget()
  EXPECT_EQ(search.begin(now), std::nullopt);
}

TEST_F(LaneSearchTest, SweepsTakeATwentiethOfTheTimeWhileJobsArrive) {
  int sweeps = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto cursor = search.begin(now);
    sweeps += cursor ? 0 : 1;
    now += milliseconds(10);
    search.end(cursor, few(i, milliseconds(10)), poll, now);
    now = search.rests_until();
  }
  EXPECT_NEAR(sweeps * 0.010 / std::chrono::duration<double>(now - start).count(), 0.05, 0.01);
}

TEST_F(LaneSearchTest, SlowSweepsAreRareDuringFullBatchesAndFollowAtOnceAfterwards) {
  milliseconds swept{0};
  for (int i = 0; i < 1000; ++i) {
    const auto cursor = search.begin(now);
    const milliseconds took(cursor ? 10 : 50);
    if (!cursor) swept += took;
    now += took;
    search.end(cursor, full(i, took), poll, now);
  }
  EXPECT_GT(swept.count(), 100);
  EXPECT_NEAR(std::chrono::duration<double>(swept) / (now - start), 1.0 / 60, 0.005);
  if (!claim(full(1000, milliseconds(50)))) claim(full(1001));
  claim(nothing());
  EXPECT_EQ(search.begin(now), std::nullopt);
}

TEST_F(LaneSearchTest, SlowSweepsTakeATwentiethOfTheTimeWithoutJobs) {
  milliseconds swept{0};
  while (now < start + seconds(100)) {
    const auto cursor = search.begin(now);
    const milliseconds took(cursor ? 1 : 100);
    if (!cursor) swept += took;
    search.end(cursor, nothing(0, took), poll, now);
    now = search.rests_until();
  }
  EXPECT_GT(swept.count(), 2'500);
  EXPECT_LE(swept.count(), 5'350);
}

TEST_F(LaneSearchTest, ASweepDelaysTheNextOneByTwentyTimesItsDuration) {
  claim(full(1, milliseconds(100)));  // while batches are full, the next sweep would be due in 5 s
  claim(nothing());
  now += milliseconds(1999);
  EXPECT_TRUE(claim(nothing())) << "a sweep of 100 ms delays the next by 2 s";
  now += milliseconds(1);
  EXPECT_EQ(claim(full(1, milliseconds(100))), std::nullopt);
  now += milliseconds(1000);
  claim(nothing());
  now += milliseconds(999);
  EXPECT_TRUE(search.begin(now));
  EXPECT_EQ(search.begin(now + milliseconds(1)), std::nullopt) << "the first sweep no longer counts";
}

TEST_F(LaneSearchTest, TimeWithoutSweepsAllowsAQuarterOfASecondOfSweeps) {
  claim(full(1, milliseconds(100)));
  now += seconds(60);
  EXPECT_EQ(claim(full(1, milliseconds(200))), std::nullopt);
  claim(nothing());
  EXPECT_EQ(claim(full(1, milliseconds(100))), std::nullopt) << "50 ms were left for sweeps";
  claim(nothing());
  EXPECT_TRUE(search.begin(now + milliseconds(999)));
  EXPECT_EQ(search.begin(now + seconds(1)), std::nullopt);
}

TEST(LaneSearch, ADrainSweepsAtOnceWhenABatchIsShort) {
  LaneSearch search(poll, true);
  search.end(search.begin(start), full(1, milliseconds(1000)), poll, start);
  const auto cursor = search.begin(start);
  EXPECT_TRUE(cursor) << "while batches are full, it does not sweep";
  search.end(cursor, nothing(), poll, start);
  EXPECT_EQ(search.rests_until(), start);
  EXPECT_EQ(search.begin(start), std::nullopt);
}

}  // namespace
}  // namespace sluice::engine
