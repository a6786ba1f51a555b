// When a plugin host that died is started again: a pure function of its history.
#pragma once

#include <chrono>
#include <optional>

namespace sluice::fleet {

struct ExitHistory {
  int failures = 0;       ///< consecutive deaths, none of them after a healthy run
  int failed_starts = 0;  ///< the last of these in a row that never became ready
};

/// A host that was ready for at least this long before it died starts a new history.
inline constexpr std::chrono::seconds healthy_run{10};

/// The wait before the next start: none after the first death, then 100 ms, doubled up to 30 s. Nullopt: the
/// plugin is broken, because five consecutive starts never became ready.
std::optional<std::chrono::milliseconds> restart_delay(const ExitHistory& history);

}  // namespace sluice::fleet
