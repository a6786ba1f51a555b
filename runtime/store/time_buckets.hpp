// Histograms of times, as sluice.minute keeps them. This is the only place that knows their bounds.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

namespace sluice::store {

/// Bucket 0 holds times below `first_bound`, each further one those up to twice the bound before it, and the
/// last one all others, from 29 hours on.
inline constexpr std::size_t time_buckets = 32;
inline constexpr std::chrono::microseconds first_bound{100};

/// A value; not thread-safe.
class TimeHistogram {
 public:
  using Counts = std::array<std::int64_t, time_buckets>;

  TimeHistogram() = default;
  explicit TimeHistogram(const Counts& counts) : counts_(counts) {}

  void add(std::chrono::microseconds time) { ++counts_[bucket(time)]; }
  void add(const TimeHistogram& other) {
    for (std::size_t i = 0; i < time_buckets; ++i) counts_[i] += other.counts_[i];
  }
  const Counts& counts() const { return counts_; }

  /// The time, in seconds, that this part of the values, 0 to 1, does not exceed; estimated within its
  /// bucket. Nullopt if there are no values.
  std::optional<double> percentile(double part) const {
    std::int64_t all = 0;
    for (const std::int64_t count : counts_) all += count;
    if (all == 0) return std::nullopt;
    const double rank = part * static_cast<double>(all);
    double below = 0;
    for (std::size_t i = 0; i < time_buckets; ++i) {
      const auto count = static_cast<double>(counts_[i]);
      if (count > 0 && below + count >= rank) return within(i, (rank - below) / count);
      below += count;
    }
    return within(time_buckets - 1, 1);
  }

  bool operator==(const TimeHistogram&) const = default;

 private:
  static std::size_t bucket(std::chrono::microseconds time) {
    const auto units = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time / first_bound));
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(units)), time_buckets - 1);
  }
  static double within(std::size_t bucket, double part) {
    const double first = std::chrono::duration<double>(first_bound).count();
    if (bucket == 0) return first * part;
    return std::ldexp(first, static_cast<int>(bucket) - 1) * std::exp2(part);
  }

  Counts counts_{};
};

}  // namespace sluice::store
