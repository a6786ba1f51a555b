// When a plugin host that died is started again: a pure function of its history.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/threads.hpp"

namespace sluice::fleet {

struct ExitHistory {
  int failures = 0;       ///< consecutive deaths, none of them after a good life
  int failed_starts = 0;  ///< the last of these in a row that never became ready
  bool operator==(const ExitHistory&) const = default;
};

/// Of a host that died.
struct HostLife {
  bool was_ready = false;
  base::Clock::duration ready_for{};
  std::int64_t jobs_ended = 0;  ///< whose outcomes it has reported
};

/// A host that was ready for at least this long had a good life.
inline constexpr std::chrono::seconds healthy_run{10};

/// A host in which a job ended had a good life too: a pause would only keep the other jobs waiting.
ExitHistory after_death(const ExitHistory& before, const HostLife& life);

/// The wait before the next start: none after the first death, then 100 ms, doubled up to 30 s. Nullopt: the
/// plugin is broken, because five consecutive starts never became ready.
std::optional<std::chrono::milliseconds> restart_delay(const ExitHistory& history);

}  // namespace sluice::fleet
