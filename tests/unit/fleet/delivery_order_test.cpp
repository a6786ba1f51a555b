#include "fleet/delivery_order.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

namespace sluice::fleet {
namespace {

using Clock = base::Clock;
using Arm = Canary::Arm;
using std::chrono::seconds;

constexpr Clock::time_point at{std::chrono::hours(1)};
constexpr Clock::time_point never = Clock::time_point::min();

job::Finished ended(const std::string& id, job::Result result = job::Result::done) {
  job::Finished one;
  one.job.id = id;
  one.job.type = "test.job";
  one.outcome.result = result;
  return one;
}

std::string next_of(DeliveryOrder& order, Clock::time_point latest = never) {
  const auto end = order.next(latest);
  return end ? end->finished.job.id : "";
}

TEST(DeliveryOrder, IsThatOfTheDeliveries) {
  DeliveryOrder order;
  for (const char* const id : {"a", "b", "c"}) order.deliver(id, at);
  order.end(Arm::fresh, ended("c"));
  order.end(Arm::fresh, ended("b"));
  EXPECT_EQ(next_of(order), "") << "a still runs";
  order.end(Arm::present, ended("a", job::Result::fail));
  const auto first = order.next(never);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->arm, Arm::present);
  EXPECT_EQ(first->finished.outcome.result, job::Result::fail);
  EXPECT_EQ(next_of(order), "b");
  EXPECT_EQ(next_of(order), "c");
  EXPECT_EQ(next_of(order), "");
}

TEST(DeliveryOrder, PassesByWhatRunsForLongAndHasItWhenItEnds) {
  DeliveryOrder order;
  order.deliver("long", at);
  order.deliver("b", at + seconds(1));
  order.end(Arm::fresh, ended("b"));
  EXPECT_EQ(next_of(order, at - seconds(1)), "");
  EXPECT_EQ(next_of(order, at), "b");
  order.end(Arm::fresh, ended("long"));
  EXPECT_EQ(next_of(order), "long");
  order.end(Arm::fresh, ended("long"));
  EXPECT_EQ(next_of(order), "") << "once";
}

TEST(DeliveryOrder, IgnoresWhatWasNotDeliveredAndForgetsWhatIsGivenBack) {
  DeliveryOrder order;
  order.end(Arm::present, ended("before the canary"));
  order.deliver("a", at);
  order.deliver("b", at);
  order.end(Arm::present, ended("b"));
  order.end(Arm::present, ended("a", job::Result::released));
  EXPECT_EQ(next_of(order), "b");
  order.deliver("a", at);
  order.deliver("c", at);
  order.deliver("a", at);  // the first delivery came to nothing
  order.end(Arm::present, ended("c"));
  EXPECT_EQ(next_of(order), "c");
  order.end(Arm::present, ended("a"));
  EXPECT_EQ(next_of(order), "a");
}

TEST(DeliveryOrder, IsBounded) {
  DeliveryOrder order;
  order.deliver("long", at);
  std::size_t ends = 0;
  for (int i = 0; i < 30'000; ++i) {
    order.deliver(std::to_string(i), at);
    order.end(Arm::present, ended(std::to_string(i)));
    while (order.next(never)) ++ends;
  }
  EXPECT_GE(ends, 30'000U - 20'000U);
}

/// All jobs fail in both versions, and the new one is done with its few jobs of a batch before the present
/// one is done with its many, as both have as many slots.
TEST(DeliveryOrder, AVersionThatIsDoneEarlierIsNotBlamed) {
  std::mt19937 random(1);
  int blamed = 0;
  for (int canary_number = 0; canary_number < 200; ++canary_number) {
    Canary canary({0.2}, at, {"test.job"}, "1", "2");
    DeliveryOrder order;
    int last_id = 0;
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<std::pair<Arm, std::string>> by_arm[2];
      for (int i = 0; i < 500; ++i) {
        const std::string id = std::to_string(++last_id);
        const bool fresh = std::uniform_real_distribution<>(0, 1)(random) < 0.2;
        order.deliver(id, at);
        by_arm[fresh ? 1 : 0].push_back({fresh ? Arm::fresh : Arm::present, id});
      }
      for (std::size_t i = 0; i < by_arm[0].size() || i < by_arm[1].size(); ++i) {
        for (const auto& jobs : by_arm) {
          if (i < jobs.size()) order.end(jobs[i].first, ended(jobs[i].second, job::Result::fail));
        }
        while (const auto end = order.next(never)) canary.count(end->arm, end->finished);
      }
    }
    EXPECT_EQ(canary.jobs() > 0, true);
    if (canary.decide(at)) ++blamed;
  }
  EXPECT_LE(blamed, 2);
}

}  // namespace
}  // namespace sluice::fleet
