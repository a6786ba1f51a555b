#include "engine/wake_policy.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds measured_over{200};
// Claims that bring jobs, per second. A runtime that is not notified claims every 5 ms at most.
constexpr double few = 20;
constexpr double many = 50;

}  // namespace

bool WakePolicy::wanted(const Load& load, Clock::time_point now) {
  const auto elapsed = now - since_;
  if (elapsed < measured_over) return wanted_;
  const double rate =
      static_cast<double>(load.finds - finds_) / std::chrono::duration<double>(elapsed).count();
  since_ = now;
  finds_ = load.finds;
  wanted_ = load.resting && rate < (wanted_ ? many : few);
  return wanted_;
}

}  // namespace sluice::engine
