#include "fleet/canary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace sluice::fleet {
namespace {

using Clock = base::Clock;
using std::chrono::microseconds;
using Arm = Canary::Arm;

constexpr Clock::time_point began{std::chrono::hours(1)};
constexpr const char* type = "test.job";

/// How jobs of one arm end.
struct Arms {
  double present_fails = 0;
  double fresh_fails = 0;
  double present_us = 20'000;  ///< the median of a lognormal distribution
  double fresh_us = 20'000;
};

class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {}

  /// Runs jobs until the canary is decided, or all have run. Returns the decision, looked for after each job.
  std::optional<Canary::Decision> run(const CanaryPlan& plan, const Arms& arms, int jobs) {
    Canary canary(plan, began, {type}, "1", "2");
    for (int i = 0; i < jobs; ++i) {
      const bool fresh = chance(plan.share);
      canary.count(fresh ? Arm::fresh : Arm::present,
                   ended(chance(fresh ? arms.fresh_fails : arms.present_fails),
                         fresh ? arms.fresh_us : arms.present_us));
      if (auto decision = canary.decide(began)) return decision;
    }
    return std::nullopt;
  }

 private:
  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(random_) < probability; }
  job::Finished ended(bool fails, double median_us) {
    job::Finished one;
    one.job.id = std::to_string(++last_id_);
    one.job.type = type;
    one.outcome.result = fails ? job::Result::retry : job::Result::done;
    one.outcome.duration =
        microseconds(std::llround(std::lognormal_distribution<>(std::log(median_us), 0.5)(random_)));
    return one;
  }

  std::mt19937 random_;
  int last_id_ = 0;
};

double alarm_rate(unsigned seed, int canaries, const CanaryPlan& plan, const Arms& arms, int jobs) {
  Simulation simulation(seed);
  int alarms = 0;
  for (int i = 0; i < canaries; ++i) {
    if (simulation.run(plan, arms, jobs)) ++alarms;
  }
  return static_cast<double>(alarms) / canaries;
}

job::Finished finished(job::Result result, const std::string& id, int attempt = 1,
                       microseconds took = std::chrono::milliseconds(10)) {
  job::Finished one;
  one.job.id = id;
  one.job.type = type;
  one.job.attempt = attempt;
  one.outcome.result = result;
  one.outcome.duration = took;
  return one;
}

void crash(Canary& canary, const std::string& id) {
  canary.count_crash(Arm::fresh);
  canary.count(Arm::fresh, finished(job::Result::crashed, id));
}

Canary canary_of(const CanaryPlan& plan = {}) {
  return {plan, began, {type}, "2.0", "2.1"};
}

TEST(Canary, RarelyBlamesAVersionThatIsAsGood) {
  EXPECT_LE(alarm_rate(1, 2000, {}, {0.1, 0.1}, 1000), Canary::alpha);
}

TEST(Canary, RarelyBlamesAnEqualVersionWithHalfOfTheJobs) {
  EXPECT_LE(alarm_rate(2, 2000, {0.5}, {0.3, 0.3}, 500), Canary::alpha);
}

TEST(Canary, FindsADoubledFailureRate) {
  EXPECT_GE(alarm_rate(3, 50, {0.5}, {0.1, 0.2}, 5000), 0.9);
}

TEST(Canary, FindsThatEveryTenthJobFails) {
  EXPECT_GE(alarm_rate(4, 50, {}, {0.001, 0.1}, 5000), 0.95);
}

TEST(Canary, FindsThatJobsTakeTwiceAsLong) {
  EXPECT_GE(alarm_rate(5, 50, {}, {0, 0, 20'000, 40'000}, 5000), 0.95);
}

TEST(Canary, DoesNotBlameAFasterVersion) {
  EXPECT_LE(alarm_rate(6, 100, {}, {0, 0, 20'000, 10'000}, 3000), Canary::alpha);
}

TEST(Canary, SaysWhatFailed) {
  Canary canary = canary_of();
  for (int i = 0; i < 3810; ++i)
    canary.count(Arm::present, finished(i < 3 ? job::Result::fail : job::Result::done, "p"));
  for (int i = 0; i < 200; ++i)
    canary.count(Arm::fresh, finished(i < 14 ? job::Result::retry : job::Result::done, "f"));
  const auto decision = canary.decide(began);
  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->promote);
  EXPECT_EQ(decision->why, "version 2.1 failed 14 of 200 jobs, version 2.0 3 of 3,810");
}

TEST(Canary, SaysWhatTookLonger) {
  Canary canary = canary_of();
  for (int i = 0; i < 500; ++i) canary.count(Arm::present, finished(job::Result::done, "p"));
  const auto slow = finished(job::Result::done, "f", 1, std::chrono::milliseconds(100));
  for (int i = 0; i < 25; ++i) canary.count(Arm::fresh, slow);
  EXPECT_FALSE(canary.decide(began)) << "its hosts may be cold";
  for (int i = 0; i < 15; ++i) canary.count(Arm::fresh, slow);
  const auto decision = canary.decide(began);
  ASSERT_TRUE(decision);
  EXPECT_NE(decision->why.find("15 of 15 jobs of version 2.1 took much longer"), std::string::npos)
      << decision->why;
}

TEST(Canary, IsPromotedAtTheEndOfItsTime) {
  Canary canary = canary_of();
  for (int i = 0; i < 100; ++i) canary.count(Arm::fresh, finished(job::Result::done, "f"));
  EXPECT_FALSE(canary.decide(began + std::chrono::minutes(9)));
  const auto decision = canary.decide(began + std::chrono::minutes(10));
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->promote) << decision->why;
}

TEST(Canary, GoesBackIfItRanTooFewJobs) {
  Canary canary = canary_of();
  for (int i = 0; i < 99; ++i) canary.count(Arm::fresh, finished(job::Result::done, "f"));
  const auto decision = canary.decide(began + std::chrono::minutes(10));
  ASSERT_TRUE(decision);
  EXPECT_FALSE(decision->promote);
  EXPECT_NE(decision->why.find("ran only 99 jobs"), std::string::npos) << decision->why;
}

TEST(Canary, GoesBackAtOnceIfThreeJobsCrash) {
  Canary canary = canary_of({0.5});
  for (const char* const id : {"a", "b"}) crash(canary, id);
  EXPECT_FALSE(canary.decide(began));
  crash(canary, "c");
  const auto decision = canary.decide(began);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->why, "version 2.1 crashed 3 times in 3 jobs, version 2.0 0 times in 0");
}

TEST(Canary, GoesBackAtOnceIfItsHostsDieWithoutAJobAtFault) {
  Canary canary = canary_of();
  for (int i = 0; i < 2; ++i) canary.count_crash(Arm::fresh);
  EXPECT_FALSE(canary.decide(began));
  canary.count_crash(Arm::fresh);
  EXPECT_TRUE(canary.decide(began));
}

TEST(Canary, IsNotBlamedForCrashesThatThePresentVersionHasToo) {
  Canary canary = canary_of({0.5});
  for (const Arm arm : {Arm::present, Arm::fresh}) {
    for (int i = 0; i < 3; ++i) canary.count_crash(arm);
  }
  EXPECT_FALSE(canary.decide(began));
}

TEST(Canary, CountsAJobOnceAndNotIfItWasGivenBack) {
  Canary canary = canary_of();
  canary.count(Arm::fresh, finished(job::Result::retry, "a"));
  canary.count(Arm::fresh, finished(job::Result::retry, "a", 2));
  canary.count(Arm::fresh, finished(job::Result::released, "b"));
  canary.count(Arm::fresh, finished(job::Result::snooze, "c"));
  EXPECT_EQ(canary.jobs(), 1);
  EXPECT_EQ(canary.failures(), 1);
}

TEST(Canary, TakesItsShareOfTheJobsAndAlwaysTheSameOnes) {
  const Canary canary = canary_of();
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) {
    job::Job job;
    job.id = "job-" + std::to_string(i);
    job.type = type;
    if (canary.takes(job)) ++taken;
    EXPECT_EQ(canary.takes(job), canary_of().takes(job));
  }
  EXPECT_NEAR(taken, 5000, 300);
}

TEST(Canary, TakesNoJobThatIsTriedAgain) {
  const Canary canary = canary_of({0.5});
  job::Job job;
  job.type = type;
  job.attempt = 2;
  for (int i = 0; i < 100; ++i) {
    job.id = std::to_string(i);
    EXPECT_FALSE(canary.takes(job));
  }
}

TEST(Canary, TakesOnlyTypesThatBothVersionsServe) {
  const Canary canary = canary_of({0.5});
  job::Job job;
  job.type = "test.other";
  for (int i = 0; i < 100; ++i) {
    job.id = std::to_string(i);
    EXPECT_FALSE(canary.takes(job));
  }
}

TEST(Canary, NamesVersionsThatAreEqualByTheirRole) {
  const Canary canary({}, began, {type}, "2.0", "2.0");
  EXPECT_EQ(canary.figures(), "the new version failed 0 of 0 jobs, the present version 0 of 0");
}

TEST(DurationCounts, QuantilesAreExactToATenth) {
  DurationCounts counts;
  EXPECT_EQ(counts.quantile(0.95).count(), 0);
  for (int i = 1; i <= 1000; ++i) counts.add(microseconds(i * 1000));
  EXPECT_NEAR(static_cast<double>(counts.quantile(0.95).count()), 950'000, 95'000);
  EXPECT_NEAR(static_cast<double>(counts.quantile(0.5).count()), 500'000, 50'000);
}

}  // namespace
}  // namespace sluice::fleet
