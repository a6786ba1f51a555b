// Durations as people write them: "500ms", "30s", "5m", "1h30m", "2d".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::base {

/// Units ms, s, m, h, d, largest first, each with a whole or decimal number. "0" needs no unit.
/// nullopt if `text` is invalid, negative, or over 100 years.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// As parse_duration reads it: "1h30m", "500ms".
std::string write_duration(std::chrono::microseconds duration);

/// "350 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "4 d 3 h": for people.
std::string format_duration(std::chrono::microseconds duration);

}  // namespace sluice::base
