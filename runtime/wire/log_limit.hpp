// How much a plugin host may write to the runtime's log. The host applies the limit first, so that a flood
// does not fill its socket. The runtime applies it again, also to what the plugin prints.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/threads.hpp"
#include "wire/frame.hpp"

namespace sluice::wire {

/// A token bucket for lines and one for bytes. Each holds what may be written in a second.
class LogLimit {
 public:
  static constexpr std::uint32_t default_lines = 5000;
  static constexpr std::size_t bytes_per_line = 1024;  ///< on average

  /// 0: no limit.
  explicit LogLimit(std::uint32_t lines_per_second) { set(lines_per_second); }
  void set(std::uint32_t lines_per_second);
  std::uint32_t lines_per_second() const { return rate_; }

  /// Whether a line of that level and size may be written now. A quarter is kept for warnings and errors.
  bool admits(std::int32_t level, std::size_t bytes, base::Clock::time_point now);

 private:
  std::uint32_t rate_ = 0;
  double lines_ = 0;
  double bytes_ = 0;  // below 0 after a long line
  base::Clock::time_point filled_at_{};
};

/// The size of the line's texts.
std::size_t size_of(const LogLine& line);

}  // namespace sluice::wire
