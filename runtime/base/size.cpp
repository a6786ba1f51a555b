#include "base/size.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sluice::base {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<Unit, 9> units{{{"TiB", 1LL << 40},
                                     {"TB", 1'000'000'000'000},
                                     {"GiB", 1LL << 30},
                                     {"GB", 1'000'000'000},
                                     {"MiB", 1LL << 20},
                                     {"MB", 1'000'000},
                                     {"KiB", 1LL << 10},
                                     {"kB", 1'000},
                                     {"B", 1}}};
constexpr double largest = 1e15;

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  if (text == "0") return 0;  // in any unit
  double number = 0;
  const auto [rest, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || std::signbit(number)) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(rest - text.data()));
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& one) { return one.name == name; });
  if (unit == units.end()) return std::nullopt;
  const double bytes = number * static_cast<double>(unit->bytes);
  if (!(bytes <= largest)) return std::nullopt;
  return std::llround(bytes);
}

std::string write_size(std::int64_t bytes) {
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& one) { return bytes > 0 && bytes % one.bytes == 0; });
  if (unit == units.end()) return "0";
  return std::to_string(bytes / unit->bytes) + std::string(unit->name);
}

}  // namespace sluice::base
