#include "base/pretty_json.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

TEST(PrettyJson, KeepsDigits) {
  const Cut cut = pretty_json(R"({"n":12345678901234567890})", 1000);
  EXPECT_EQ(cut.text, "{\n    \"n\": 12345678901234567890\n}");
  EXPECT_FALSE(cut.cut);
  EXPECT_EQ(pretty_json("[1]", 1000, 2).text, "[\n  1\n]");
}

TEST(PrettyJson, IsCutAtACharacter) {
  EXPECT_EQ(pretty_json("\"aä\"", 5).text, "\"aä\"");
  EXPECT_FALSE(pretty_json("\"aä\"", 5).cut);
  EXPECT_EQ(pretty_json("\"aä\"", 3).text, "\"a") << "not within ä";
  EXPECT_TRUE(pretty_json("\"aä\"", 3).cut);
}

/// The whole text would have 160 GB.
TEST(PrettyJson, StopsWritingAtItsBound) {
  constexpr std::size_t depth = 200'000;
  const Cut cut = pretty_json(std::string(depth, '[') + std::string(depth, ']'), 1000);
  EXPECT_TRUE(cut.cut);
  EXPECT_EQ(cut.text.size(), 1000U);
}

TEST(PrettyJson, LeavesWhatIsNoJsonAsItIs) {
  EXPECT_EQ(pretty_json("{", 10).text, "{");
  EXPECT_EQ(pretty_json("nothing at all", 7).text, "nothing");
}

}  // namespace
}  // namespace sluice::base
