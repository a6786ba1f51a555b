// Random numbers from a seed: the same sequence on every machine and with every compiler, which the
// distributions of the standard library do not promise. A value; for one thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t x = state_;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
  }
  /// In [0, below).
  std::size_t below(std::size_t below) { return below == 0 ? 0 : static_cast<std::size_t>(next() % below); }
  /// In [least, most].
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(below(static_cast<std::size_t>(most - least + 1)));
  }
  double fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
  bool chance(double probability) { return fraction() < probability; }

 private:
  std::uint64_t state_;
};

/// A number that depends on all of `parts`, for streams that do not disturb each other.
template <typename... Parts>
std::uint64_t mix(Parts... parts) {
  std::uint64_t all = 0x243F6A8885A308D3U;
  ((all = Random(all ^ static_cast<std::uint64_t>(parts)).next()), ...);
  return all;
}

}  // namespace sluice::sim
