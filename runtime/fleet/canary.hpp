// A canary as values: which jobs a plugin's new version gets, how it compares with the present version, and
// when that is decided. It knows no hosts and no clock.
//
// The new version gets only first attempts, and only these count, if both versions serve the job's type. So a
// bad job that is tried again and again is not taken for many, and a bad version costs no job more than one
// attempt.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/threads.hpp"
#include "fleet/duration_counts.hpp"
#include "fleet/sequential_test.hpp"
#include "job/job.hpp"

namespace sluice::fleet {

/// What the operator asked for.
struct CanaryPlan {
  double share = 0.05;                ///< of the jobs, above 0 and at most most_share
  std::chrono::seconds longest{600};  ///< then it is decided
  std::int64_t least_jobs = 100;      ///< with fewer by then, it goes back
  bool operator==(const CanaryPlan&) const = default;
};

class Canary {
 public:
  static constexpr double most_share = 0.5;
  /// How probable it is that a version that is as good as the present one goes back.
  static constexpr double alpha = 0.01;

  enum class Arm { present, fresh };
  struct Decision {
    bool promote = false;
    std::string why;  ///< with the figures
  };

  /// `types`: those that both versions serve.
  Canary(const CanaryPlan& plan, base::Clock::time_point began, std::set<std::string> types,
         std::string present_version, std::string fresh_version);

  /// Whether the new version gets the job: a first attempt, by its id. So every runtime has the same answer.
  bool takes(const job::Job& job) const;
  /// Whether it counts, whichever version gets it.
  bool compares(const job::Ref& job) const { return job.attempt == 1 && types_.contains(job.type); }
  bool is_over(base::Clock::time_point now) const { return now - began_ >= plan_.longest; }
  /// In the order in which the jobs were delivered (DeliveryOrder).
  void count(Arm arm, const job::Finished& finished);
  /// As soon as a job of that arm ended its host, or a host ended and no job is known to be at fault.
  void count_crash(Arm arm);

  /// Nullopt: not yet.
  std::optional<Decision> decide(base::Clock::time_point now) const;
  /// "version 2.1 failed 14 of 200 jobs, version 2.0 3 of 3,810"
  std::string figures() const;
  /// "version 2.1 has 5 % of the jobs"
  std::string standing() const;

  const CanaryPlan& plan() const { return plan_; }
  const std::string& version() const { return fresh_.version; }
  std::int64_t jobs() const { return fresh_.jobs; }
  std::int64_t failures() const { return fresh_.failures; }

 private:
  struct Figures {
    std::string version;  ///< as a name in sentences
    std::int64_t jobs = 0;
    std::int64_t failures = 0;
    std::int64_t timed = 0;  ///< of the jobs, those that could be slow
    std::int64_t slow = 0;
    std::int64_t crashes = 0;  ///< also those that no job is known to have caused
    DurationCounts took;
  };
  /// When a job of one type is slow: by what the present version took for the jobs before it.
  struct Pace {
    DurationCounts took;
    std::chrono::microseconds slow{0};  ///< 0: not known yet
    std::int64_t cold = 0;              ///< jobs of the new version that did not count
  };

  Figures& figures_of(Arm arm) { return arm == Arm::fresh ? fresh_ : present_; }
  void count_time(Arm arm, const job::Finished& finished);
  bool crashes_repeatedly() const;
  std::string crash_words() const;
  std::string time_words() const;

  const CanaryPlan plan_;
  const base::Clock::time_point began_;
  const std::set<std::string> types_;
  Figures present_;
  Figures fresh_;
  std::map<std::string, Pace> paces_;
  SequentialTest failing_;
  SequentialTest slow_;
};

}  // namespace sluice::fleet
