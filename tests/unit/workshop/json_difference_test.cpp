#include "workshop/json_difference.hpp"

#include <gtest/gtest.h>

namespace sluice::workshop {
namespace {

using Differences = std::vector<JsonDifference>;

Differences between(const std::string& was, const std::string& is, std::size_t most = 100) {
  return json_differences(was, is, most);
}

TEST(JsonDifference, EqualValuesHaveNone) {
  EXPECT_EQ(between(R"({"a": 1, "b": [true, null]})", R"({"b":[true,null],"a":1.0})"), Differences{});
  EXPECT_EQ(between("", ""), Differences{});
}

TEST(JsonDifference, NamesTheMemberByItsPointer) {
  EXPECT_EQ(between(R"({"a": {"b/c": 1, "~": 2}})", R"({"a": {"b/c": "x", "~": 2}})"),
            (Differences{{"/a/b~1c", "1", "\"x\""}}));
}

TEST(JsonDifference, FindsWhatOnlyOneHas) {
  EXPECT_EQ(between(R"({"gone": 1})", R"({"new": [2]})"),
            (Differences{{"/gone", "1", ""}, {"/new", "", "[2]"}}));
  EXPECT_EQ(between("[1]", "[1,2]"), (Differences{{"/1", "", "2"}}));
  EXPECT_EQ(between("", "3"), (Differences{{"", "", "3"}}));
}

TEST(JsonDifference, OfDifferentKindsIsTheWholeValue) {
  EXPECT_EQ(between(R"({"a": [1]})", R"({"a": {"0": 1}})"), (Differences{{"/a", "[1]", R"({"0":1})"}}));
}

TEST(JsonDifference, StopsAtTheLimit) {
  EXPECT_EQ(between("[1,2,3]", "[4,5,6]", 2).size(), 2U);
}

TEST(JsonDifference, TakesTextThatIsNoJsonAsAWhole) {
  EXPECT_EQ(between("{", "1"), (Differences{{"", "{", "1"}}));
  EXPECT_EQ(between("{", "{"), Differences{});
}

TEST(JsonDifference, EndsAtAnyDepth) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(between("[]", deep).size(), 1U);
}

}  // namespace
}  // namespace sluice::workshop
