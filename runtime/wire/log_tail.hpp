// The last log lines of an attempt, as they are kept with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

class LogTail {
 public:
  /// Keeps "info: message"; of a long message the beginning, and of many lines the last ones. `level`: a
  /// SLUICE_LOG_….
  void add(std::int32_t level, std::string_view message);
  /// The same with another word before the message.
  void add(std::string_view origin, std::string_view message);
  void clear() { lines_.clear(); }
  /// A line each; empty: there were none.
  std::string text() const;

 private:
  std::vector<std::string> lines_;
};

}  // namespace sluice::wire
