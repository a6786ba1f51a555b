// The ends of a canary's jobs, in the order in which the jobs were delivered. Which version runs a job has
// nothing to do with its place in that order. It has with when the job ends: a version with a small share of
// the jobs, and slots of its own, is done with them earlier. A value, which knows no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/threads.hpp"
#include "fleet/canary.hpp"
#include "job/job.hpp"

namespace sluice::fleet {

class DeliveryOrder {
 public:
  struct End {
    Canary::Arm arm = Canary::Arm::present;
    job::Finished finished;  ///< its job, its result and what it took
  };

  /// The job goes to one of the versions. If it was there before, it counts from now on.
  void deliver(const std::string& id, base::Clock::time_point now);
  /// Ignores jobs that were not delivered, and forgets those that are given back.
  void end(Canary::Arm arm, const job::Finished& finished);
  /// The next one of which all before it have ended, or were delivered at `latest` or before. Such a job
  /// comes when it ends. Nullopt: the next one still runs.
  std::optional<End> next(base::Clock::time_point latest);

 private:
  struct Delivery {
    std::string id;
    base::Clock::time_point at{};
    bool forgotten = false;
    std::optional<End> end;
  };
  Delivery& at(std::uint64_t number) { return deliveries_[number - first_]; }
  void forget(const std::string& id);

  std::deque<Delivery> deliveries_;
  std::uint64_t first_ = 0;                                 // number of the first of them
  std::unordered_map<std::string, std::uint64_t> numbers_;  // of those that run
  std::set<std::string> late_;                              // passed by, and still run
  std::deque<End> late_ends_;
};

}  // namespace sluice::fleet
