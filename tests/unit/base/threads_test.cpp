#include "base/threads.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace sluice::base {
namespace {

struct Count {
  Mutex mutex;
  Condition changed;
  int value GUARDED_BY(mutex) = 0;

  void increase() {
    const Lock lock(mutex);
    ++value;
    changed.notify_all();
  }
};

TEST(Threads, AWaitEndsWithANotification) {
  Count count;
  const Thread thread([&] { count.increase(); });
  const Lock lock(count.mutex);
  while (count.value == 0) count.changed.wait(count.mutex);
  EXPECT_EQ(count.value, 1);
}

TEST(Threads, AWaitEndsAtItsTimeLimit) {
  Count count;
  const auto time = Clock::now() + std::chrono::milliseconds(5);
  const Lock lock(count.mutex);
  while (count.changed.wait_until(count.mutex, time)) {
  }
  EXPECT_GE(Clock::now(), time);
}

TEST(Threads, AWaitReleasesTheMutexAndLocksItAgain) {
  Count count;
  Lock lock(count.mutex);
  const Thread thread([&] {
    for (int i = 0; i < 100; ++i) count.increase();
  });
  EXPECT_EQ(count.value, 0);
  while (count.value < 100) count.changed.wait(count.mutex);
  EXPECT_EQ(count.value, 100);
}

TEST(Threads, ALockMayBeReleasedEarly) {
  Count count;
  Lock lock(count.mutex);
  lock.unlock();
  count.increase();  // would otherwise wait for ever
  lock.lock();
  EXPECT_EQ(count.value, 1);
  lock.unlock();
}

TEST(Threads, AThreadIsJoinedByItsDestructor) {
  bool ran = false;
  {
    const Thread thread([&] {
      sleep_for(std::chrono::milliseconds(5));
      ran = true;
    });
    EXPECT_TRUE(thread.joinable());
  }
  EXPECT_TRUE(ran);
}

TEST(Threads, RandomNumbersDifferAndFractionsAreBelowOne) {
  EXPECT_NE(random_number(), random_number());
  const double first = random_fraction();
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const double fraction = random_fraction();
    EXPECT_GE(fraction, 0);
    EXPECT_LT(fraction, 1);
    differs = differs || fraction != first;
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace sluice::base
