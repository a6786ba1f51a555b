// A histogram as in Prometheus: counts in buckets with upper bounds, and a sum.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::base {

/// A value; not thread-safe.
class Histogram {
 public:
  Histogram() = default;
  /// `bounds` must be in ascending order, and outlive the histogram.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  void add(double value) {
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    ++counts_[static_cast<std::size_t>(bucket)];
    sum_ += value;
  }

  std::span<const double> bounds() const { return bounds_; }
  /// For each bound, the number of values up to it and above the previous one; last, the number above all.
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(1);
  double sum_ = 0;
};

}  // namespace sluice::base
