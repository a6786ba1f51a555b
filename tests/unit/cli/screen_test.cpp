#include "cli/text/screen.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using Lines = std::vector<std::string>;

Block numbered(const std::string& heading, int rows) {
  Block block{{heading}, 1};
  for (int i = 1; i <= rows; ++i) block.lines.push_back(heading + std::to_string(i));
  return block;
}

TEST(Screen, ShowsEverythingIfItFits) {
  EXPECT_EQ(fitted({numbered("a", 2), {}, numbered("b", 1)}, 6), (Lines{"a", "a1", "a2", "", "b", "b1"}));
}

TEST(Screen, ShortensTheLongestBlockAndSaysByHowManyLines) {
  EXPECT_EQ(fitted({numbered("a", 5), numbered("b", 2)}, 8),
            (Lines{"a", "a1", "a2", "… and 3 more", "", "b", "b1", "b2"}));
}

TEST(Screen, KeepsHeadingsIfTheyFit) {
  EXPECT_EQ(fitted({numbered("a", 5), numbered("b", 5)}, 5),
            (Lines{"a", "… and 5 more", "", "b", "… and 5 more"}));
}

TEST(Screen, IsNeverHigherThanTheWindow) {
  for (std::size_t height = 0; height < 30; ++height) {
    const auto lines = fitted({numbered("a", 9), numbered("b", 3), numbered("c", 0)}, height);
    EXPECT_LE(lines.size(), height);
    if (height >= 17) {
      EXPECT_EQ(lines.size(), 17U);
    }
  }
}

TEST(Screen, CutsByCharactersNotBytes) {
  EXPECT_EQ(cut("größer", 4), "größ");
  EXPECT_EQ(cut("short", 80), "short");
  EXPECT_EQ(cut("none", 0), "");
}

}  // namespace
}  // namespace sluice::cli
