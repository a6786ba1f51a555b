#include "base/histogram.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::base {
namespace {

constexpr std::array bounds{1.0, 10.0};

TEST(Histogram, CountsAValueUpToItsBound) {
  Histogram histogram(bounds);
  for (const double value : {0.5, 1.0, 1.5, 10.0, 10.5, 1000.0}) histogram.add(value);
  EXPECT_EQ(histogram.counts(), (std::vector<std::uint64_t>{2, 2, 2}));
  EXPECT_DOUBLE_EQ(histogram.sum(), 1023.5);
}

}  // namespace
}  // namespace sluice::base
