#include "engine/lanes/room.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int batch_max = 500;
constexpr std::chrono::microseconds quick{100};

const Clock::time_point start{std::chrono::hours(1)};

struct Fixture : testing::Test {
  Room room{batch_max, std::nullopt};

  std::vector<LaneId> set(std::vector<LaneSpec> specs, int slots = first_batch) {
    room.set_lanes(std::move(specs));
    room.set_slots(0, slots);
    return room.open_lanes();
  }
  /// A claim of the lane that returns `jobs` jobs of the type, of `bytes` each.
  void claim(LaneId lane, const std::string& type, int jobs, std::int64_t bytes = 0,
             Clock::time_point now = start) {
    const int limit = room.limit(lane, now);
    room.begin_claim(lane, limit);
    room.end_claim(lane, limit, jobs, jobs * bytes, now);
    room.count(type, jobs, jobs * bytes);
  }
  void finish(const std::string& type, int jobs, Clock::duration time = quick,
              Clock::time_point now = start) {
    for (int i = 0; i < jobs; ++i) {
      room.count(type, -1, 0);
      room.measure(type, time, now);
    }
  }
};

using RoomTest = Fixture;

TEST(Window, FollowsTheDurationOfAJob) {
  EXPECT_EQ(window(0, 0.001), 0);
  EXPECT_EQ(window(4, -1), 4) << "without a known pace there is no queue";
  EXPECT_EQ(window(4, 1), 4) << "for slow jobs there is no queue";
  EXPECT_EQ(window(4, 0.1), 12);
  EXPECT_EQ(window(4, 0.001), 804);
  EXPECT_EQ(window(4, 0), 3504);
}

TEST_F(RoomTest, BeginsWithAJobForEachSlot) {
  const LaneId lane = set({{0, {"a"}, 0}}, 0)[0];
  EXPECT_EQ(room.limit(lane, start), 0);
  room.set_slots(0, 4);
  EXPECT_EQ(room.limit(lane, start), 4);
}

TEST_F(RoomTest, AssignsRoomOnce) {
  const LaneId lane = set({{0, {"a"}, 0}})[0];
  room.begin_claim(lane, first_batch);
  EXPECT_EQ(room.limit(lane, start), 0);
  room.end_claim(lane, first_batch, 0, 0, start);
  EXPECT_EQ(room.limit(lane, start), first_batch);
}

TEST_F(RoomTest, ObeysATypesConcurrency) {
  const LaneId lane = set({{0, {"a"}, 2}}, 4)[0];
  EXPECT_EQ(room.limit(lane, start), 2);
  claim(lane, "a", 2);
  EXPECT_EQ(room.limit(lane, start), 0);
  finish("a", 1);
  EXPECT_EQ(room.limit(lane, start), 1);
}

TEST_F(RoomTest, WaitsUntilAQuarterOfTheWindowIsFree) {
  const LaneId lane = set({{0, {"a"}, 0}}, 4)[0];
  claim(lane, "a", 1);
  finish("a", 1, milliseconds(10));  // the window is 84
  room.count("a", 64, 0);
  EXPECT_EQ(room.limit(lane, start), 0);
  room.count("a", -1, 0);
  EXPECT_EQ(room.limit(lane, start), 21);
}

TEST_F(RoomTest, LimitsThePayloadsInFlight) {
  const LaneId lane = set({{0, {"a"}, 0}}, 4)[0];
  claim(lane, "a", 4);
  finish("a", 4);
  std::vector<int> limits;
  while (const int limit = room.limit(lane, start)) {
    limits.push_back(limit);
    claim(lane, "a", 2, claim_bytes / 2);
  }
  EXPECT_EQ(limits, (std::vector<int>{batch_max, 4, 4, 4}))
      << "after the first claim, the limit is twice the number of jobs that fits into a claim";
  room.count("a", -1, -claim_bytes / 2);
  EXPECT_EQ(room.limit(lane, start), 0);
  room.count("a", -1, -claim_bytes / 2);
  EXPECT_EQ(room.limit(lane, start), 4);
}

TEST_F(RoomTest, FeedsEachSlotEvenWithLargePayloads) {
  const LaneId lane = set({{0, {"a"}, 0}}, 3)[0];
  for (int i = 0; i < 3; ++i) {
    ASSERT_GT(room.limit(lane, start), 0) << i;
    claim(lane, "a", 1, 2 * window_bytes);
  }
  EXPECT_EQ(room.limit(lane, start), 0);
  room.count("a", -1, -2 * window_bytes);
  EXPECT_EQ(room.limit(lane, start), 1);
}

// If the window followed the fast type, this runtime would claim jobs for which another one has free slots.
TEST_F(RoomTest, TheWindowFollowsTheSlowestRecentType) {
  const LaneId lane = set({{0, {"fast", "slow"}, 0}}, 4)[0];
  claim(lane, "fast", 3);
  room.count("slow", 1, 0);
  finish("fast", 3);
  EXPECT_GT(room.limit(lane, start), 10) << "the pace of the job in flight is unknown";
  finish("slow", 1, seconds(1));
  EXPECT_EQ(room.limit(lane, start), 4);
  room.measure("fast", quick, start + seconds(4));
  EXPECT_EQ(room.limit(lane, start + seconds(4)), 4);
}

TEST_F(RoomTest, ATypeWithoutRecentJobsIsForgotten) {
  const LaneId lane = set({{0, {"fast", "slow"}, 0}}, 4)[0];
  room.measure("slow", seconds(1), start);
  EXPECT_EQ(room.limit(lane, start + seconds(60)), 4) << "without jobs, time changes nothing";
  room.measure("fast", quick, start + seconds(5));
  EXPECT_EQ(room.limit(lane, start + seconds(5)), batch_max);
  room.measure("slow", seconds(1), start + seconds(6));
  EXPECT_EQ(room.limit(lane, start + seconds(6)), 4) << "the type counts again as soon as a job of it ends";
}

TEST_F(RoomTest, NoJobIsQueuedBeforeAJobHasEnded) {
  const LaneId lane = set({{0, {"a"}, 0}}, 4)[0];
  claim(lane, "a", 4);
  for (int later = 50; later < 5000; later += 50) {
    EXPECT_EQ(room.limit(lane, start + milliseconds(later)), 0) << later << " ms";
  }
}

TEST_F(RoomTest, JobsThatDoNotEndAreSlow) {
  const LaneId lane = set({{0, {"a"}, 0}}, 4)[0];
  claim(lane, "a", 4);
  finish("a", 4);
  ASSERT_GT(room.limit(lane, start), 10);
  claim(lane, "a", 10);
  EXPECT_GT(room.limit(lane, start + milliseconds(20)), 0);
  EXPECT_EQ(room.limit(lane, start + seconds(1)), 0);
}

TEST_F(RoomTest, SlowLanesOfAPluginShareItsSlots) {
  const auto lanes = set({{0, {"a"}, 0}, {0, {"b"}, 3}, {1, {"c"}, 0}}, 4);
  room.set_slots(1, 4);
  for (const char* type : {"a", "b", "c"}) room.measure(type, seconds(1), start);
  EXPECT_EQ(room.limit(lanes[0], start), 4);
  EXPECT_EQ(room.limit(lanes[1], start), 3);
  room.count("a", 2, 0);
  EXPECT_EQ(room.limit(lanes[1], start), 2);
  room.begin_claim(lanes[1], 2);
  EXPECT_EQ(room.limit(lanes[0], start), 0);
  EXPECT_EQ(room.limit(lanes[2], start), 4) << "this lane belongs to another plugin";
}

TEST_F(RoomTest, QuickLanesOfAPluginHaveAWindowEach) {
  const auto lanes = set({{0, {"a"}, 0}, {0, {"b"}, 50}}, 4);
  for (const char* type : {"a", "b"}) room.measure(type, milliseconds(10), start);
  room.count("a", 84, 0);
  EXPECT_EQ(room.limit(lanes[0], start), 0);
  EXPECT_EQ(room.limit(lanes[1], start), first_batch);
}

TEST_F(RoomTest, AtMostOnceJobsAreClaimedOnlyForIdleSlots) {
  LaneSpec once{0, {"a"}, 0};
  once.at_most_once = true;
  const LaneId lane = set({once}, 4)[0];
  claim(lane, "a", 4);
  finish("a", 3);
  EXPECT_EQ(room.limit(lane, start), 3);
}

TEST_F(RoomTest, JobsThatWaitedForASlotAreNotFast) {
  const LaneId lane = set({{0, {"a"}, 0}}, 4)[0];
  room.measure("a", milliseconds(100), start);
  ASSERT_EQ(room.limit(lane, start), 12);
  room.measure("a", milliseconds(20), start, true);
  EXPECT_EQ(room.limit(lane, start), 12) << "a short wait does not make a slow type faster";
  room.measure("a", seconds(1), start, true);
  EXPECT_EQ(room.limit(lane, start), 5);
}

TEST_F(RoomTest, AJobInFlightKeepsItsRoomWhenTheLanesChange) {
  claim(set({{0, {"a"}, 2}}, 4)[0], "a", 2);
  // A plugin from another file takes over the type.
  const auto lanes = set({{1, {"a"}, 2}, {1, {"b"}, 0}});
  room.set_slots(1, 4);
  EXPECT_EQ(room.limit(lanes[0], start), 0) << "both of a are still in flight";
  EXPECT_EQ(room.limit(lanes[1], start), 4);
  finish("a", 1);
  EXPECT_EQ(room.limit(lanes[0], start), 1);
}

TEST_F(RoomTest, ATypeThatMovesKeepsItsJobs) {
  const LaneId both = set({{0, {"a", "b"}, 0}})[0];
  claim(both, "a", 5);
  room.count("b", 4, 0);
  const auto lanes = set({{0, {"a"}, 0}, {1, {"b"}, 10}});
  room.set_slots(1, first_batch);
  EXPECT_EQ(lanes[0], both);
  EXPECT_EQ(room.limit(lanes[0], start), first_batch - 5);
  EXPECT_EQ(room.limit(lanes[1], start), 10 - 4);
  finish("b", 4);
  EXPECT_EQ(room.limit(lanes[1], start), 10);
}

TEST_F(RoomTest, AClaimOfARemovedLaneLosesNoRoom) {
  const auto lanes = set({{0, {"a"}, 0}, {0, {"b"}, 3}}, 4);
  room.begin_claim(lanes[1], 3);
  EXPECT_EQ(set({{0, {"a"}, 0}}, 4), std::vector<LaneId>{lanes[0]});
  room.end_claim(lanes[1], 3, 3, 0, start);
  room.count("b", 3, 0);
  EXPECT_EQ(room.limit(lanes[0], start), 4);
  const auto again = set({{0, {"a"}, 0}, {0, {"b"}, 3}}, 4);
  EXPECT_EQ(room.limit(again[1], start), 0) << "three of b are in flight";
  finish("b", 3);
  EXPECT_EQ(room.limit(again[1], start), 3);
}

TEST_F(RoomTest, SetLanesKeepsTheMeasuredPace) {
  const auto lanes = set({{0, {"a"}, 0}, {0, {"b"}, 9}}, 4);
  for (const char* type : {"a", "b"}) room.measure(type, quick, start);
  EXPECT_TRUE(room.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 9}}).empty());
  EXPECT_EQ(room.limit(lanes[0], start), batch_max);
  EXPECT_EQ(room.set_lanes({{0, {"c", "a"}, 0}, {0, {"d"}, 9}}),
            (std::vector<LaneId>{lanes[0], lanes[1] + 1}));
  room.set_slots(0, 4);
  EXPECT_EQ(room.limit(lanes[0], start), batch_max) << "the lane that the plugin's other types share";
  EXPECT_EQ(room.limit(lanes[1] + 1, start), 4) << "the lane of another type with its own concurrency";
}

TEST_F(RoomTest, AClosedLaneHasNoRoomAndKeepsCountingItsJobs) {
  const LaneId lane = set({{0, {"a"}, 3}}, 4)[0];
  claim(lane, "a", 3);
  room.set_slots(0, std::nullopt);
  EXPECT_TRUE(room.open_lanes().empty());
  finish("a", 1);
  room.set_slots(0, 4);
  EXPECT_EQ(room.limit(lane, start), 0) << "the lane stays closed until the lanes are set";
  EXPECT_EQ(set({{0, {"a"}, 3}}, 4), std::vector<LaneId>{lane});
  EXPECT_EQ(room.limit(lane, start), 1) << "two are still in flight";
}

TEST_F(RoomTest, LanesOfRemovedTypesAreForgotten) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(set({{0, {"a" + std::to_string(i)}, 1}}).size(), 1U);
}

TEST(Room, ObeysItsBudget) {
  Room room(batch_max, 3);
  room.set_lanes({{0, {"a"}, 0}, {0, {"b"}, 0}});
  room.set_slots(0, 4);
  const auto lanes = room.open_lanes();
  EXPECT_EQ(room.limit(lanes[0], start), 3);
  room.begin_claim(lanes[0], 3);
  EXPECT_TRUE(room.is_spent());
  EXPECT_EQ(room.limit(lanes[1], start), 0) << "the claim in progress may use the whole budget";
  room.end_claim(lanes[0], 3, 2, 0, start);
  EXPECT_FALSE(room.is_spent());
  EXPECT_EQ(room.limit(lanes[1], start), 1);
  room.begin_claim(lanes[1], 1);
  room.end_claim(lanes[1], 1, 1, 0, start);
  EXPECT_TRUE(room.is_spent());
  room.refund();
  EXPECT_FALSE(room.is_spent()) << "a job that did not start was refunded";
}

}  // namespace
}  // namespace sluice::engine
