#include "postgres/histograms.hpp"

#include <cstddef>

#include "store/time_buckets.hpp"

namespace sluice::postgres {

namespace {

/// `bucket(subscript)` of all buckets.
template <typename Bucket>
std::string array_of(Bucket&& bucket) {
  std::string sums;
  for (std::size_t i = 1; i <= store::time_buckets; ++i)
    sums += (i == 1 ? "ARRAY[" : ", ") + bucket("[" + std::to_string(i) + "]");
  return sums + "]::bigint[]";
}

}  // namespace

std::string histogram_sum(const std::string& column, const std::string& factor) {
  return array_of([&](const std::string& subscript) {
    return "coalesce(sum(" + factor + "(" + column + ")" + subscript + "), 0)";
  });
}

std::string histogram_added(const std::string& one, const std::string& other) {
  return array_of([&](const std::string& subscript) { return one + subscript + " + " + other + subscript; });
}

}  // namespace sluice::postgres
