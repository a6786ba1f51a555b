#include "base/text.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

TEST(ValidUtf8, KeepsValidText) {
  const std::string text = "a é € 😀 \u007f";
  EXPECT_EQ(valid_utf8(text), text);
}

TEST(ValidUtf8, ReplacesInvalidBytes) {
  EXPECT_EQ(valid_utf8("a\xff"
                       "b"),
            "a\uFFFDb");
  EXPECT_EQ(valid_utf8(std::string("a\0b", 3)), "a\uFFFDb");
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\uFFFD\uFFFD");            // overlong
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80").size(), 12U);        // beyond U+10FFFF
  EXPECT_EQ(valid_utf8("cut \xe2\x82"), "cut \uFFFD\uFFFD");
}

TEST(JsonQuote, EscapesSpecialCharacters) {
  EXPECT_EQ(json_quote("a\"b\\\n\x01"), "\"a\\\"b\\\\\\n\\u0001\"");
}

TEST(Shortened, CutsAtACharacter) {
  EXPECT_EQ(shortened("short", 10), "short");
  EXPECT_EQ(shortened("aé", 2), "a…");
}

TEST(IsJson, TellsOneValueFromOtherText) {
  EXPECT_TRUE(is_json("{\"a\":[1,null]}"));
  EXPECT_TRUE(is_json("12"));
  EXPECT_TRUE(is_json(std::string(100'000, '[') + std::string(100'000, ']')));
  EXPECT_FALSE(is_json(""));
  EXPECT_FALSE(is_json("{} {}"));
  EXPECT_FALSE(is_json("{'a':1}"));
  EXPECT_FALSE(is_json("\"\xff\""));
}

TEST(IsNestedDeeper, CountsTheLevelsOutsideOfStrings) {
  EXPECT_TRUE(is_nested_deeper(R"([{"a":[]}])", 2));
  EXPECT_FALSE(is_nested_deeper(R"([{"a":[]}])", 3));
  EXPECT_FALSE(is_nested_deeper("[[],[],[],{}]", 2));
  EXPECT_FALSE(is_nested_deeper(R"(["[[[\"[[["])", 1));
}

}  // namespace
}  // namespace sluice::base
