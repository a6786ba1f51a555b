#include "base/size.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

TEST(Size, IsANumberWithItsUnit) {
  EXPECT_EQ(parse_size("512MB"), 512'000'000);
  EXPECT_EQ(parse_size("512MiB"), 512LL << 20);
  EXPECT_EQ(parse_size("1.5GB"), 1'500'000'000);
  EXPECT_EQ(parse_size("64kB"), 64'000);
  EXPECT_EQ(parse_size("10B"), 10);
  EXPECT_EQ(parse_size("2TiB"), 2LL << 40);
  EXPECT_EQ(parse_size("0"), 0);
}

TEST(Size, IsInvalidWithoutAUnitAndIfItIsNegativeOrHuge) {
  for (const char* text :
       {"", "512", "MB", "512 MB", "512MBs", "512mb", "-1MB", "-0MB", "1e9B", "nanB", "2000TB", "1MB1kB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Size, IsWrittenInTheFormThatIsRead) {
  for (const char* text : {"0", "10B", "64kB", "512MB", "512MiB", "3GB", "1TB"}) {
    EXPECT_EQ(write_size(*parse_size(text)), text);
  }
  EXPECT_EQ(write_size(*parse_size("1.5GiB")), "1536MiB");
}

}  // namespace
}  // namespace sluice::base
