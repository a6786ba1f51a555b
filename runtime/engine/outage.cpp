#include "engine/outage.hpp"

#include <algorithm>

#include "base/duration.hpp"
#include "base/log.hpp"
#include "store/store.hpp"

namespace sluice::engine {

void Outage::down(const void* who, const std::exception& reason) {
  const auto* unavailable = dynamic_cast<const store::Unavailable*>(&reason);
  down(who, reason.what(), unavailable == nullptr || unavailable->answered());
}

void Outage::down(const void* who, const std::string& reason, bool answered) {
  const std::lock_guard lock(mutex_);
  const bool first = affected_.empty();
  affected_.insert(who);
  reason_ = reason;
  if (!first) return;
  since_ = Clock::now();
  log::error(answered
                 ? "the database does not do what it is asked; running jobs go on, their outcomes are kept, "
                   "trying again until it does"
                 : "the database does not answer; running jobs go on, their outcomes are kept, trying "
                   "again until it does",
             {{"reason", reason}});
}

void Outage::up(const void* who) {
  const std::lock_guard lock(mutex_);
  answered_ = Clock::now();
  if (affected_.erase(who) == 0 || !affected_.empty()) return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - since_);
  log::info("the database answers again", {{"after", base::format_duration(took)}});
}

std::optional<std::chrono::milliseconds> Outage::lasting() const {
  const std::lock_guard lock(mutex_);
  if (affected_.empty()) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since_);
}

std::string Outage::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

Outage::Clock::duration Outage::since_answer() const {
  const std::lock_guard lock(mutex_);
  return Clock::now() - answered_;
}

std::chrono::milliseconds reconnect_delay(int failures) {
  constexpr std::chrono::milliseconds first{100};
  constexpr std::chrono::milliseconds longest{5000};
  return std::min(longest, first * (1 << std::clamp(failures - 1, 0, 10)));
}

}  // namespace sluice::engine
