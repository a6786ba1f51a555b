#include "base/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace sluice::base {

namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr std::array<Unit, 5> units{{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 0.001}}};
constexpr double longest = 100 * 365.25 * 86400;

/// Takes a number and its unit off the front of `text`; `next_unit` keeps the units in order.
std::optional<double> take_part(std::string_view& text, std::size_t& next_unit) {
  double number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || std::signbit(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  std::size_t letters = 0;
  while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
  const std::string_view name = text.substr(0, letters);
  text.remove_prefix(letters);
  for (std::size_t i = next_unit; i < units.size(); ++i) {
    if (units[i].name != name) continue;
    next_unit = i + 1;
    return number * units[i].seconds;
  }
  return std::nullopt;
}

std::string two_parts(long long large, const char* large_unit, long long small, const char* small_unit) {
  std::string text = std::to_string(large) + " " + large_unit;
  if (small > 0) text += " " + std::to_string(small) + " " + small_unit;
  return text;
}

}  // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "0") return std::chrono::microseconds(0);  // in any unit
  std::string_view rest = text;
  double seconds = 0;
  for (std::size_t next_unit = 0; !rest.empty();) {
    const auto part = take_part(rest, next_unit);
    if (!part) return std::nullopt;
    seconds += *part;
  }
  if (!(seconds <= longest)) return std::nullopt;
  return std::chrono::microseconds(std::llround(seconds * 1e6));
}

std::string write_duration(std::chrono::microseconds duration) {
  struct Unit {
    long long microseconds;
    const char* name;
  };
  static constexpr Unit units[] = {
      {86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}};
  std::string text;
  long long rest = duration.count();
  for (const Unit& unit : units) {
    if (rest >= unit.microseconds) text += std::to_string(rest / unit.microseconds) + unit.name;
    rest %= unit.microseconds;
  }
  if (rest % 1000 == 0) {
    if (rest > 0) text += std::to_string(rest / 1000) + "ms";
  } else {
    char milliseconds[32];
    std::snprintf(milliseconds, sizeof milliseconds, "%lld.%03lldms", rest / 1000, rest % 1000);
    text += milliseconds;
  }
  return text.empty() ? "0s" : text;
}

std::string format_duration(std::chrono::microseconds duration) {
  const double seconds = static_cast<double>(duration.count()) / 1e6;
  const auto whole = static_cast<long long>(seconds);
  char text[32];
  if (seconds < 0) return "-" + format_duration(-duration);
  if (seconds < 0.001) return std::to_string(duration.count()) + " µs";
  if (seconds < 1) {
    std::snprintf(text, sizeof text, "%.3g ms", seconds * 1e3);
    return text;
  }
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%.3g s", seconds);
    return text;
  }
  if (whole < 3600) return two_parts(whole / 60, "min", whole % 60, "s");
  if (whole < 86400) return two_parts(whole / 3600, "h", whole % 3600 / 60, "min");
  return two_parts(whole / 86400, "d", whole % 86400 / 3600, "h");
}

}  // namespace sluice::base
