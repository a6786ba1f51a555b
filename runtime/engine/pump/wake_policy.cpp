#include "engine/pump/wake_policy.hpp"

#include <algorithm>

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds measured_over{200};
/// Claims that bring jobs, or notifications, per second. A runtime without notifications claims at most every
/// 5 ms, and less often on a slow machine, however many jobs come.
constexpr double few = 20;
constexpr double many = 50;
constexpr std::chrono::seconds wait_after_many{1};
/// Notifications without a job for this runtime, because it does not serve the type or another runtime was
/// faster.
constexpr std::chrono::seconds wait_after_vain{10};

}  // namespace

bool WakePolicy::wanted(const Load& load, std::int64_t heard, Clock::time_point now) {
  const auto elapsed = now - since_;
  if (elapsed < measured_over) return wanted_;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double finds = static_cast<double>(load.finds - counts_.finds) / seconds;
  const double notified = static_cast<double>(heard - counts_.heard) / seconds;
  const std::int64_t jobs = load.jobs - counts_.jobs;
  // The job of a recent notification may be found only in the period that begins now.
  if (static_cast<double>(unanswered_ - jobs) / seconds >= many) not_before_ = now + wait_after_vain;
  unanswered_ = std::max<std::int64_t>(0, heard - counts_.heard - jobs);
  if (notified >= many) not_before_ = std::max(not_before_, now + wait_after_many);
  since_ = now;
  counts_ = {load.finds, load.jobs, heard};
  wanted_ = load.resting && finds < (wanted_ ? many : few) && now >= not_before_;
  return wanted_;
}

}  // namespace sluice::engine
