#include "wire/log_limit.hpp"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int32_t info = 2;
constexpr std::int32_t warn = 3;

/// How many of `count` lines of that size are admitted.
int admitted(LogLimit& limit, int count, std::int32_t level, std::size_t bytes, base::Clock::time_point now) {
  int lines = 0;
  for (int i = 0; i < count; ++i) lines += limit.admits(level, bytes, now) ? 1 : 0;
  return lines;
}

TEST(LogLimit, AdmitsThatManyLinesPerSecond) {
  LogLimit limit(100);
  const auto start = base::Clock::now();
  EXPECT_EQ(admitted(limit, 1000, warn, 10, start), 100);
  EXPECT_NEAR(admitted(limit, 1000, warn, 10, start + milliseconds(500)), 50, 2);
  EXPECT_EQ(admitted(limit, 1000, warn, 10, start + seconds(9)), 100) << "no more than a second's is saved";
}

TEST(LogLimit, KeepsAQuarterForWarningsAndErrors) {
  LogLimit limit(100);
  const auto now = base::Clock::now();
  EXPECT_NEAR(admitted(limit, 1000, info, 10, now), 75, 1);
  EXPECT_NEAR(admitted(limit, 1000, warn, 10, now), 25, 1);
}

TEST(LogLimit, AdmitsThatManyBytesPerSecond) {
  LogLimit limit(100);
  const auto now = base::Clock::now();
  EXPECT_EQ(admitted(limit, 100, warn, 10 * LogLimit::bytes_per_line, now), 10);
  EXPECT_TRUE(limit.admits(warn, 10, now + seconds(2)));
}

TEST(LogLimit, OfOneLineAdmitsALongOne) {
  LogLimit limit(1);
  const auto now = base::Clock::now();
  EXPECT_TRUE(limit.admits(info, 64 * LogLimit::bytes_per_line, now));
  EXPECT_FALSE(limit.admits(info, 1, now + seconds(2))) << "the long line is paid for";
  EXPECT_TRUE(limit.admits(info, 1, now + seconds(70)));
}

TEST(LogLimit, OfZeroAdmitsAll) {
  LogLimit limit(0);
  EXPECT_EQ(admitted(limit, 1000, info, 1'000'000, base::Clock::now()), 1000);
}

}  // namespace
}  // namespace sluice::wire
