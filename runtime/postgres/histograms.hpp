// Histograms (store/time_buckets.hpp) in SQL: arrays of counts, which may lack the zeros at their ends.
// Inside runtime/postgres only.
#pragma once

#include <string>

namespace sluice::postgres {

/// The sum of a column, each of whose values is multiplied: "sign * ". It has all buckets.
std::string histogram_sum(const std::string& column, const std::string& factor = "");
/// The sum of two arrays that have all buckets.
std::string histogram_added(const std::string& one, const std::string& other);

}  // namespace sluice::postgres
