// Something that other sessions' locks hold up. The log names it once, and reports once when it is over.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/duration.hpp"
#include "engine/clock.hpp"
#include "store/care.hpp"

namespace sluice::engine {

struct Hold {
  std::optional<Clock::time_point> since{};
  Clock::time_point last{};
  bool said = false;
};

/// A hold that ends sooner is not logged.
inline constexpr std::chrono::seconds worth_saying{3};

inline std::string in_words(Clock::duration time) {
  return base::format_duration(std::chrono::duration_cast<std::chrono::microseconds>(time));
}

/// Who prevents writes to the table, or to the row of `job` if it is given.
inline std::string blocker(store::CareSession& session, const std::optional<std::string>& job) {
  const std::string who = session.blocker(job);
  return who.empty()
             ? "unknown: the lock was released before sluice looked, or this user may not see who holds it"
             : who;
}

}  // namespace sluice::engine
