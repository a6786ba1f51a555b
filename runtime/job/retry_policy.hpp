// How often a job is tried and how long it waits in between: a pure function of values.
#pragma once

#include "job/job.hpp"
#include "job/plugin_spec.hpp"

namespace sluice::job {

struct RetryPolicy {
  int max_attempts = 3;
  Microseconds backoff_first = std::chrono::seconds(10);
  Microseconds backoff_cap = std::chrono::hours(1);
  bool at_most_once = false;  ///< a crash or a lost runtime ends the job
};

/// The delay after failed attempt number `attempt` (1 for the first): backoff_first doubled with each
/// attempt, at most backoff_cap, then spread evenly over ±20 % by `jitter` in [0, 1).
Microseconds backoff(const RetryPolicy& policy, int attempt, double jitter);

/// Turns the outcome of an attempt into what is written: see the table of statuses in
/// docs/internals/statuses.md. `jitter` is a random number in [0, 1).
Settlement settle(Job job, Outcome outcome, const RetryPolicy& policy, double jitter);

}  // namespace sluice::job
