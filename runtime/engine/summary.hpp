// What a runtime did, by job type.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "job/job.hpp"

namespace sluice::engine {

struct TypeSummary {
  std::int64_t done = 0;
  std::int64_t retrying = 0;  ///< failed, will be tried again
  std::int64_t failed = 0;    ///< failed for good
  std::int64_t snoozed = 0;
  std::int64_t released = 0;  ///< given back unstarted or interrupted
  job::Microseconds busy{0};  ///< the handlers' time, summed
};

/// Thread-safe.
class Tally {
 public:
  void count(const job::Settlement& settlement) {
    const std::lock_guard lock(mutex_);
    TypeSummary& type = by_type_[settlement.type];
    type.busy += settlement.outcome.duration;
    switch (settlement.status) {
      case job::Status::done:
        ++type.done;
        break;
      case job::Status::error:
        ++(settlement.delay ? type.retrying : type.failed);
        break;
      case job::Status::scheduled:
        ++type.snoozed;
        break;
      default:
        ++type.released;
    }
  }
  void drop(std::int64_t count) {
    const std::lock_guard lock(mutex_);
    dropped_ += count;
  }
  std::map<std::string, TypeSummary> by_type() const {
    const std::lock_guard lock(mutex_);
    return by_type_;
  }
  /// Outcomes that were not written, because their job had been taken away.
  std::int64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, TypeSummary> by_type_;
  std::int64_t dropped_ = 0;
};

}  // namespace sluice::engine
