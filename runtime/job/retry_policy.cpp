#include "job/retry_policy.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::job {

namespace {

constexpr Microseconds default_snooze = std::chrono::seconds(60);

void fail_for_good(Settlement& settlement) {
  settlement.status = Status::error;
}

void retry_later(Settlement& settlement, const RetryPolicy& policy, double jitter) {
  settlement.status = Status::error;
  if (settlement.attempt >= policy.max_attempts) return;
  settlement.delay = std::max(Microseconds(0),
                              settlement.outcome.delay.value_or(backoff(policy, settlement.attempt, jitter)));
}

void give_back(Settlement& settlement) {
  settlement.status = Status::pending;
  settlement.refund = true;
}

}  // namespace

Microseconds backoff(const RetryPolicy& policy, int attempt, double jitter) {
  const double first = static_cast<double>(policy.backoff_first.count());
  const double cap = static_cast<double>(policy.backoff_cap.count());
  const double raw = std::min(cap, first * std::exp2(std::clamp(attempt, 1, 64) - 1));
  return Microseconds(std::llround(raw * (0.8 + 0.4 * jitter)));
}

Settlement settle(Job job, Outcome outcome, const RetryPolicy& policy, double jitter) {
  Settlement settlement;
  static_cast<Ref&>(settlement) = std::move(job);
  settlement.outcome = std::move(outcome);
  switch (settlement.outcome.result) {
    case Result::done:
      settlement.status = Status::done;
      break;
    case Result::fail:
      fail_for_good(settlement);
      break;
    case Result::cancelled:
      if (settlement.outcome.cancel_requested) {
        fail_for_good(settlement);
        break;
      }
      settlement.outcome.error = "the handler returned cancelled, though nobody asked it to stop";
      retry_later(settlement, policy, jitter);
      break;
    case Result::retry:
      retry_later(settlement, policy, jitter);
      break;
    case Result::crashed:
      if (policy.at_most_once) {
        fail_for_good(settlement);
      } else {
        retry_later(settlement, policy, jitter);
      }
      break;
    case Result::snooze:
      settlement.status = Status::scheduled;
      settlement.refund = true;
      settlement.delay = std::max(Microseconds(0), settlement.outcome.delay.value_or(default_snooze));
      break;
    case Result::released:
      give_back(settlement);
      break;
  }
  return settlement;
}

}  // namespace sluice::job
