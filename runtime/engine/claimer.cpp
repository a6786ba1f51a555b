#include "engine/claimer.hpp"

#include <utility>

#include "engine/intake.hpp"

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
  Intake intake = claim_for_room(context_, ClaimMode::recorded,
                                 [&](const auto& lanes) { return session_->claim(lanes); });
  if (intake.lanes.empty()) return;
  if (!intake.claimed.jobs.empty()) finisher_.expect(intake.claimed.claim, intake.claimed.jobs.size());
  hand_over(context_, pump_, std::move(intake));
  if (context_.router.exhausted()) context_.idle();
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
