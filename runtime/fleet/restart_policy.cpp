#include "fleet/restart_policy.hpp"

#include <algorithm>

namespace sluice::fleet {

ExitHistory after_death(const ExitHistory& before, const HostLife& life) {
  const bool good = life.was_ready && (life.jobs_ended > 0 || life.ready_for >= healthy_run);
  ExitHistory history = good ? ExitHistory{} : before;
  ++history.failures;
  if (!life.was_ready) ++history.failed_starts;
  return history;
}

std::optional<std::chrono::milliseconds> restart_delay(const ExitHistory& history) {
  constexpr int most_failed_starts = 5;
  constexpr std::chrono::milliseconds first{100};
  constexpr std::chrono::milliseconds longest{30'000};
  if (history.failed_starts >= most_failed_starts) return std::nullopt;
  if (history.failures <= 1) return std::chrono::milliseconds(0);
  return std::min(longest, first * (1 << std::min(history.failures - 2, 16)));
}

}  // namespace sluice::fleet
