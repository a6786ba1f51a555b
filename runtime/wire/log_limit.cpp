#include "wire/log_limit.hpp"

#include <algorithm>
#include <chrono>

namespace sluice::wire {

namespace {

constexpr std::int32_t warning = 3;
constexpr double reserve = 0.25;  // of a bucket, for warnings and errors

}  // namespace

void LogLimit::set(std::uint32_t lines_per_second) {
  rate_ = lines_per_second;
  lines_ = rate_;
  bytes_ = lines_ * bytes_per_line;
  filled_at_ = base::Clock::now();
}

bool LogLimit::admits(std::int32_t level, std::size_t bytes, base::Clock::time_point now) {
  if (rate_ == 0) return true;
  const double passed = std::chrono::duration<double>(now - filled_at_).count();
  const double most_lines = rate_;
  const double most_bytes = most_lines * bytes_per_line;
  lines_ = std::min(most_lines, lines_ + passed * most_lines);
  bytes_ = std::min(most_bytes, bytes_ + passed * most_bytes);
  filled_at_ = now;
  const double kept = level >= warning ? 0 : reserve;
  if (lines_ < 1 + kept * (most_lines - 1) || bytes_ <= kept * most_bytes) return false;
  lines_ -= 1;
  bytes_ -= static_cast<double>(bytes);
  return true;
}

std::size_t size_of(const LogLine& line) {
  std::size_t size = line.message.size();
  for (const LogLine::Field& field : line.fields) size += field.key.size() + field.value.size();
  return size;
}

}  // namespace sluice::wire
