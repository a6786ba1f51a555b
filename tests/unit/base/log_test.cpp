#include "base/log.hpp"

#include <gtest/gtest.h>
#include <rapidjson/document.h>

namespace sluice::log {
namespace {

TEST(JsonLine, IsOneObjectForAnyPluginText) {
  const std::string line = json_line(Level::warn, "odd \xff\n\"text\"",
                                     {{"job", "id'\"{}\\"}, {"attempt", 2}}, "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(line.find('\n'), std::string::npos);
  rapidjson::Document document;
  document.Parse(line.c_str());
  ASSERT_FALSE(document.HasParseError()) << line;
  EXPECT_STREQ(document["level"].GetString(), "warn");
  EXPECT_STREQ(document["message"].GetString(), "odd \uFFFD\n\"text\"");
  EXPECT_STREQ(document["job"].GetString(), "id'\"{}\\");
  EXPECT_EQ(document["attempt"].GetInt(), 2);
  EXPECT_STREQ(document["time"].GetString(), "2026-01-02T03:04:05.678Z");
}

TEST(HumanLine, ContainsNoControlCharacter) {
  const std::string line = human_line("two\nlines \x1b[31m", {{"job", "a b"}, {"type", "x"}});
  EXPECT_EQ(line, "two\\nlines \\x1b[31m job=\"a b\" type=x");
}

}  // namespace
}  // namespace sluice::log
