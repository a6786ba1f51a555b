#include "base/harmless.hpp"

#include <gtest/gtest.h>

namespace sluice::base {
namespace {

TEST(Harmless, SpellsOutControlCharacters) {
  EXPECT_EQ(harmless("1.0\x1b[2J\x1b]0;owned\x07"), "1.0\\x1b[2J\\x1b]0;owned\\x07");
  EXPECT_EQ(harmless("a\nb\r\tc\x7f"), "a\\nb\\x0d c\\x7f");
  EXPECT_EQ(harmless("\u009b31m"), "\\u{009b}31m") << "an escape sequence that is one character";
}

TEST(Harmless, SpellsOutBidirectionalAndInvisibleCharacters) {
  EXPECT_EQ(harmless("gpj.\u202eexe"), "gpj.\\u{202e}exe");
  EXPECT_EQ(harmless("a\u2066b\u200bc\ufeff\u2028"), "a\\u{2066}b\\u{200b}c\\u{feff}\\u{2028}");
  EXPECT_EQ(harmless("\U000E0041"), "\\u{e0041}");
}

TEST(Harmless, KeepsOrdinaryText) {
  const std::string text = "Grüße, 中文, עברית, 😀 – “done”\u00a0%";
  EXPECT_EQ(harmless(text), text);
  EXPECT_EQ(harmless("\xff"), "\uFFFD");
  EXPECT_EQ(harmless_lines("a\nb\x1b"), "a\nb\\x1b");
}

TEST(Harmless, JsonStaysTheSameValue) {
  EXPECT_EQ(harmless_json("{\n  \"a\": \"\u202eevil\"}"), "{\n  \"a\": \"\\u202eevil\"}");
  EXPECT_EQ(harmless_json("\"\U000e0041\u05d0\""), "\"\\udb40\\udc41\u05d0\"")
      << "letters of any direction stay";
}

}  // namespace
}  // namespace sluice::base
