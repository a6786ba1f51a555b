#include "engine/claimer.hpp"

#include <utility>

namespace sluice::engine {

Claimer::Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher)
    : pump_(pump), context_(context), finisher_(finisher), thread_([this] { run(); }) {}

void Claimer::poke() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  changed_.notify_one();
}

void Claimer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

bool Claimer::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Claimer::run() {
  enlist_again();
  while (wait_for_room()) claim();
  finisher_.no_more();
}

bool Claimer::claimable(Clock::time_point now) const {
  return finisher_.unwritten() < context_.most_unwritten && context_.router.claimable(now);
}

/// False when the pump stops.
bool Claimer::wait_for_room() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    const auto now = Clock::now();
    if (claimable(now)) return true;
    changed_.wait_until(lock, context_.router.next_due(now),
                        [&] { return stopping_ || std::exchange(poked_, false); });
  }
}

void Claimer::claim() {
  for (int failures = 0; !stopping();) {
    try {
      if (failures > 0) session_->reconcile(finisher_.open_claims());
      claim_once();
      return context_.outage.up(this);
    } catch (const store::Fenced&) {
      enlist_again();
    } catch (const std::exception& error) {
      // Unavailable or Refused: asked again. What a statement claimed whose answer was lost is given back, by
      // the next reconciliation or, at a stop, as the runtime takes leave.
      context_.outage.down(this, error.what());
    }
    wait_to_retry(++failures);
  }
}

void Claimer::claim_once() {
  const std::vector<Reservation> reservations = context_.router.reserve(Clock::now());
  if (reservations.empty()) return;
  std::vector<store::LaneRequest> lanes;
  lanes.reserve(reservations.size());
  for (const Reservation& reservation : reservations) lanes.push_back(context_.router.request(reservation));
  const auto started = Clock::now();
  store::Claimed claimed;
  try {
    claimed = session_->claim(lanes);
  } catch (...) {
    for (const Reservation& reservation : reservations) context_.router.unclaimed(reservation);
    throw;
  }
  take(std::move(claimed), reservations, Clock::now() - started);
  if (context_.router.exhausted()) context_.idle();
}

void Claimer::take(store::Claimed claimed, const std::vector<Reservation>& reservations,
                   Clock::duration took) {
  const auto policies = context_.policies.now();
  std::vector<job::Job> jobs;
  jobs.reserve(claimed.jobs.size());
  std::vector<ClaimResult> results(reservations.size());
  context_.tally.claimed(claimed.jobs);
  for (ClaimResult& result : results) result.asked_at = claimed.asked_at;
  if (!claimed.jobs.empty()) finisher_.expect(claimed.claim, claimed.jobs.size());
  for (store::ClaimedJob& one : claimed.jobs) {
    ClaimResult& result = results[one.lane];
    one.job.bytes = static_cast<std::int64_t>(one.job.payload.size());
    result.add(one.job.type, one.job.bytes);
    result.last_created_at = one.job.created_at;
    const auto policy = policies->find(one.job.type);
    one.job.max_attempts = policy == policies->end() ? 1 : policy->second.max_attempts;
    one.job.pump = pump_;
    jobs.push_back(std::move(one.job));
  }
  const auto now = Clock::now();
  for (std::size_t i = 0; i < reservations.size(); ++i) {
    context_.router.claimed(reservations[i], results[i], took, now);
  }
  if (!jobs.empty()) context_.deliver(std::move(jobs));
}

void Claimer::enlist_again() {
  runtime_ = context_.runtime(runtime_);
  if (runtime_ != 0) session_ = context_.store.claims(runtime_, static_cast<int>(pump_));
}

void Claimer::wait_to_retry(int failures) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, reconnect_delay(failures), [&] { return stopping_; });
}

}  // namespace sluice::engine
