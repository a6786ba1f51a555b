#include "engine/watch/observer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;

struct Loop : testing::Test {
  /// Runs the posted functions.
  void turn() {
    std::vector<std::function<void()>> steps;
    {
      const std::lock_guard lock(mutex);
      steps.swap(posted);
    }
    for (const auto& step : steps) step();
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex);
    return posted.size();
  }

  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  int looks = 0;
  Observer observer{[this](std::function<void()> step) {
                      const std::lock_guard lock(mutex);
                      posted.push_back(std::move(step));
                    },
                    [this] {
                      ++looks;
                      Observation observation;
                      observation.settled = true;
                      return observation;
                    }};
};

TEST_F(Loop, ThatRunsAnswers) {
  auto observed =
      std::async(std::launch::async, [this] { return observer.observe(std::chrono::minutes(1)); });
  while (observed.wait_for(milliseconds(1)) != std::future_status::ready) turn();
  const auto observation = observed.get();
  ASSERT_TRUE(observation);
  EXPECT_TRUE(observation->settled);
}

TEST_F(Loop, ThatHangsIsAskedOnlyOnce) {
  EXPECT_FALSE(observer.observe(milliseconds(1)));
  EXPECT_FALSE(observer.observe(milliseconds(1)));
  EXPECT_EQ(waiting(), 1U);
  turn();
  EXPECT_EQ(looks, 1);
  EXPECT_FALSE(observer.observe(milliseconds(1))) << "an answer from before the question does not count";
}

TEST_F(Loop, ThatHasEndedReleasesItsCallers) {
  auto observed =
      std::async(std::launch::async, [this] { return observer.observe(std::chrono::minutes(1)); });
  observer.close();
  EXPECT_FALSE(observed.get());
  EXPECT_FALSE(observer.observe(std::chrono::minutes(1)));
}

}  // namespace
}  // namespace sluice::engine
