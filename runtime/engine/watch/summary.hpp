// What a runtime did, by job type.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.hpp"
#include "base/threads.hpp"
#include "job/job.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// Upper bounds of histograms: of times, from a handler that does nothing to one that makes documents, and of
/// the number of jobs in one statement.
inline constexpr std::array second_bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                          0.025,  0.05,    0.1,    0.25,  0.5,    1.0,   2.5,
                                          5.0,    10.0,    30.0,   60.0,  300.0,  900.0};
inline constexpr std::array batch_bounds{0.0,   1.0,   5.0,   10.0,   20.0,   50.0,
                                         100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0};

struct TypeSummary {
  std::int64_t claimed = 0;
  std::int64_t done = 0;
  std::int64_t retrying = 0;  ///< failed, will be tried again
  std::int64_t failed = 0;    ///< failed for good
  std::int64_t snoozed = 0;
  std::int64_t released = 0;                          ///< given back unstarted or interrupted
  job::Microseconds busy{0};                          ///< the handlers' time, summed
  std::map<std::string_view, std::int64_t> failures;  ///< attempts that failed, by the name of their result
  base::Histogram seconds{second_bounds};  ///< durations of the attempts, except those that were given back
};

/// Totals over all types.
struct RuntimeSummary {
  std::int64_t dropped = 0;  ///< outcomes that were not written, because their job had been taken away
  std::int64_t aside = 0;    ///< outcomes that wait separately: refused, or their row is locked
  store::Rescued rescued;    ///< from lost runtimes, summed
  base::Histogram claim_sizes{batch_bounds};
  base::Histogram write_sizes{batch_bounds};
};

/// Thread-safe. Counts batch by batch, so it needs no lock per job.
class Tally {
 public:
  void claimed(const std::vector<store::ClaimedJob>& jobs);
  void count(const std::vector<job::Settlement>& settlements);
  void drop(std::int64_t count);
  /// This many more outcomes, or fewer, wait separately.
  void aside(std::int64_t change);
  void rescued(const store::Rescued& rescued);

  std::map<std::string, TypeSummary> by_type() const;
  /// What was counted since the last call.
  std::vector<store::OutcomeCount> take_counts();
  RuntimeSummary total() const;
  std::int64_t dropped() const { return total().dropped; }

 private:
  TypeSummary& of(const std::string& type) REQUIRES(mutex_);
  store::OutcomeCount& count_of(const job::Settlement& settlement, std::string_view outcome) REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  std::map<std::string, TypeSummary> by_type_ GUARDED_BY(mutex_);
  std::vector<store::OutcomeCount> counts_ GUARDED_BY(mutex_);  // few: types, times versions, times outcomes
  std::size_t last_count_ GUARDED_BY(mutex_) = 0;               // the index of the one that was used last
  RuntimeSummary total_ GUARDED_BY(mutex_);
};

}  // namespace sluice::engine
