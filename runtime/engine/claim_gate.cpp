#include "engine/claim_gate.hpp"

#include <utility>

namespace sluice::engine {

void ClaimGate::poke() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  changed_.notify_one();
}

void ClaimGate::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

bool ClaimGate::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

bool ClaimGate::claimable(Clock::time_point now) const {
  return finisher_.unwritten() < context_.most_unwritten && context_.router.claimable(now, mode_);
}

bool ClaimGate::wait_for_room() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    const auto now = Clock::now();
    if (claimable(now)) return true;
    changed_.wait_until(lock, context_.router.next_due(now, mode_),
                        [&] { return stopping_ || std::exchange(poked_, false); });
  }
}

void ClaimGate::wait_to_retry(int failures) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, reconnect_delay(failures), [&] { return stopping_; });
}

}  // namespace sluice::engine
