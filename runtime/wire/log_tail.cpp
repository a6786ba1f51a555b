#include "wire/log_tail.hpp"

#include <algorithm>
#include <cstddef>

#include "base/log.hpp"
#include "base/text.hpp"

namespace sluice::wire {

namespace {

constexpr std::size_t most_lines = 20;
constexpr std::size_t longest_line = 500;

}  // namespace

void LogTail::add(std::int32_t level, std::string_view message) {
  const auto known = std::clamp<std::int32_t>(level, 0, std::ssize(log::level_names) - 1);
  add(log::level_names.at(static_cast<std::size_t>(known)), message);
}

void LogTail::add(std::string_view origin, std::string_view message) {
  if (lines_.size() == most_lines) lines_.erase(lines_.begin());
  lines_.push_back(std::string(origin) + ": " + base::shortened(message, longest_line));
}

std::string LogTail::text() const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  return text;
}

}  // namespace sluice::wire
