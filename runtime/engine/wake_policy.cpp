#include "engine/wake_policy.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds measured_over{200};
// Claims that bring jobs, per second. A runtime that is not notified claims every 5 ms at most.
constexpr double few = 20;
constexpr double many = 50;
// Wake-ups that brought nothing: for jobs that this runtime does not serve, or that others were quicker with.
constexpr std::chrono::seconds wait_after_vain{10};

}  // namespace

bool WakePolicy::wanted(const Load& load, Clock::time_point now) {
  const auto elapsed = now - since_;
  if (elapsed < measured_over) return wanted_;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto finds = static_cast<double>(load.finds - finds_);
  const auto wakes = static_cast<double>(load.wakes - wakes_);
  since_ = now;
  finds_ = load.finds;
  wakes_ = load.wakes;
  if ((wakes - finds) / seconds >= many) not_before_ = now + wait_after_vain;
  wanted_ = load.resting && finds / seconds < (wanted_ ? many : few) && now >= not_before_;
  return wanted_;
}

}  // namespace sluice::engine
