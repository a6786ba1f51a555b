// How long jobs took: counts in buckets that grow by a tenth, for quantiles. A value.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace sluice::fleet {

class DurationCounts {
 public:
  void add(std::chrono::microseconds took) {
    ++counts_[bucket_of(took)];
    ++total_;
  }
  std::int64_t total() const { return total_; }
  /// What that part of the jobs did not exceed, at most a tenth too long; 0 if there are none.
  std::chrono::microseconds quantile(double part) const {
    const auto wanted = static_cast<std::int64_t>(std::ceil(part * static_cast<double>(total_)));
    std::int64_t below = 0;
    for (std::size_t i = 0; i < counts_.size() && total_ > 0; ++i) {
      below += counts_[i];
      if (below >= wanted) return upper_end_of(i);
    }
    return std::chrono::microseconds(0);
  }

 private:
  static constexpr double growth = 1.1;
  static constexpr std::size_t buckets = 250;  // from 1 µs to hours

  static std::size_t bucket_of(std::chrono::microseconds took) {
    const double us = std::max(1.0, static_cast<double>(took.count()));
    return std::min(buckets - 1, static_cast<std::size_t>(std::ceil(std::log(us) / std::log(growth))));
  }
  static std::chrono::microseconds upper_end_of(std::size_t bucket) {
    return std::chrono::microseconds(std::llround(std::pow(growth, static_cast<double>(bucket))));
  }

  std::array<std::int64_t, buckets> counts_{};
  std::int64_t total_ = 0;
};

}  // namespace sluice::fleet
