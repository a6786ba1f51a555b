#include "base/duration.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

using std::chrono::microseconds;

TEST(Duration, ReadsASingleUnit) {
  EXPECT_EQ(parse_duration("500ms"), microseconds(500'000));
  EXPECT_EQ(parse_duration("30s"), microseconds(30'000'000));
  EXPECT_EQ(parse_duration("1.5s"), microseconds(1'500'000));
  EXPECT_EQ(parse_duration("2d"), std::chrono::hours(48));
  EXPECT_EQ(parse_duration("0"), microseconds(0));
}

TEST(Duration, ReadsSeveralUnitsLargestFirst) {
  EXPECT_EQ(parse_duration("1h30m"), std::chrono::minutes(90));
  EXPECT_FALSE(parse_duration("30m1h"));
  EXPECT_FALSE(parse_duration("1m1m"));
}

TEST(Duration, RefusesInvalidText) {
  for (const char* text :
       {"", "7", "1.5", "s", "-5s", "5 s", "5x", "1e3s", "nan", "inf", "99999999d", "5s "}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsShownInUnitsThatFit) {
  EXPECT_EQ(format_duration(microseconds(17)), "17 µs");
  EXPECT_EQ(format_duration(microseconds(350'000)), "350 ms");
  EXPECT_EQ(format_duration(microseconds(4'200'000)), "4.2 s");
  EXPECT_EQ(format_duration(std::chrono::seconds(200)), "3 min 20 s");
  EXPECT_EQ(format_duration(std::chrono::minutes(125)), "2 h 5 min");
  EXPECT_EQ(format_duration(std::chrono::hours(99)), "4 d 3 h");
  EXPECT_EQ(format_duration(std::chrono::seconds(-5)), "-5 s");
}

}  // namespace
}  // namespace sluice::base
