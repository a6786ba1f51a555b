// When a plugin host that died is started again: a pure function of its history.
#pragma once

#include <chrono>
#include <optional>

namespace sluice::fleet {

struct ExitHistory {
  int failures = 0;       ///< deaths in a row, none of them after a healthy run
  int failed_starts = 0;  ///< of those at the end, the ones that never got ready
};

/// A host that was ready for this long before it died begins a new history.
inline constexpr std::chrono::seconds healthy_run{10};

/// The wait before the next start: none for the first death, then 100 ms doubled up to 30 s. No value:
/// the plugin is broken, five starts in a row never got ready.
std::optional<std::chrono::milliseconds> restart_delay(const ExitHistory& history);

}  // namespace sluice::fleet
