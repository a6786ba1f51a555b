#include "engine/pump/wake_policy.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;

struct Fixture : testing::Test {
  /// Simulates a second with `finds` claims that return a job each. Returns the policy's decision at its end.
  bool after_a_second(int finds, bool resting = true, int heard = 0) {
    for (int i = 1; i <= 4; ++i) {
      now += milliseconds(250);
      const std::int64_t found = total + finds * i / 4;
      wanted = policy.wanted({resting, found, found}, all_heard + heard * i / 4, now);
    }
    total += finds;
    all_heard += heard;
    return wanted;
  }

  WakePolicy policy;
  Clock::time_point now{std::chrono::hours(1)};
  std::int64_t total = 0;
  std::int64_t all_heard = 0;
  bool wanted = false;
};

using WakePolicyTest = Fixture;

TEST_F(WakePolicyTest, WantsToBeWokenWhileJobsAreFew) {
  EXPECT_TRUE(after_a_second(0));
  EXPECT_TRUE(after_a_second(10));
}

TEST_F(WakePolicyTest, DoesNotWantToBeWokenWhileJobsAreMany) {
  EXPECT_FALSE(after_a_second(100));
  EXPECT_TRUE(after_a_second(0));
  EXPECT_FALSE(after_a_second(100));
}

TEST_F(WakePolicyTest, KeepsItsDecisionInBetween) {
  EXPECT_FALSE(after_a_second(100));
  EXPECT_FALSE(after_a_second(32));
  EXPECT_TRUE(after_a_second(0));
  EXPECT_TRUE(after_a_second(32));
}

TEST_F(WakePolicyTest, DoesNotWantToBeWokenWhileEveryLaneIsFull) {
  EXPECT_FALSE(after_a_second(1, false));
}

TEST_F(WakePolicyTest, DoesNotWantToBeWokenForASecondAfterManyNotifications) {
  EXPECT_TRUE(after_a_second(10));
  now += milliseconds(250);
  // A few claims that return many jobs each, as if claims were slow.
  EXPECT_FALSE(policy.wanted({true, total + 2, total + 1000}, 1000, now));
  now += milliseconds(250);
  EXPECT_FALSE(policy.wanted({true, total + 4, total + 1000}, 1000, now));
  now += milliseconds(1000);
  EXPECT_TRUE(policy.wanted({true, total + 6, total + 1000}, 1000, now));
}

TEST_F(WakePolicyTest, WaitsForTheJobsOfANotification) {
  EXPECT_TRUE(after_a_second(0));
  now += milliseconds(250);
  EXPECT_FALSE(policy.wanted({true, 0, 0}, 30, now))
      << "there are many notifications, but they may still bring jobs";
  now += milliseconds(250);
  EXPECT_FALSE(policy.wanted({true, 30, 30}, 30, now));
  total = 30;
  all_heard = 30;
  EXPECT_TRUE(after_a_second(0));
}

TEST_F(WakePolicyTest, DoesNotWantToBeWokenForAWhileAfterUselessNotifications) {
  EXPECT_TRUE(after_a_second(40, true, 40));
  EXPECT_FALSE(after_a_second(0, true, 100));
  EXPECT_FALSE(after_a_second(0));
  EXPECT_FALSE(after_a_second(0));
  now += std::chrono::seconds(10);
  EXPECT_TRUE(after_a_second(0));
}

TEST_F(WakePolicyTest, DecidesOnlyAfterEnoughTime) {
  EXPECT_TRUE(after_a_second(0));
  EXPECT_TRUE(policy.wanted({true, total + 100, total + 100}, 0, now + milliseconds(10)));
  EXPECT_FALSE(policy.wanted({true, total + 100, total + 100}, 0, now + milliseconds(210)));
}

}  // namespace
}  // namespace sluice::engine
