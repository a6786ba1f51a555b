#include "dashboard/marked_json.hpp"

#include <gmock/gmock.h>

namespace sluice::dashboard {
namespace {

std::string shown(const std::string& json, const std::vector<PayloadProblem>& problems,
                  std::size_t longest = 1000) {
  std::string text;
  for (const MarkedPart& part : marked(json, problems, longest))
    text += part.text + (part.problem.empty() ? "" : "  <- " + part.problem) + "\n";
  return text;
}

TEST(MarkedJson, WritesAProblemBehindTheLineOfItsValue) {
  EXPECT_EQ(shown(R"({"a": 12345678901234567890, "b": {"c": [1, {"d": null}]}, "e": []})",
                  {{"/b/c/1/d", "expected a string"}, {"/a", "too large"}, {"/b", "one"}, {"/b", "two"}}),
            "{\n"
            "    \"a\": 12345678901234567890,  <- too large\n"
            "    \"b\": {  <- one; two\n"
            "        \"c\": [\n"
            "            1,\n"
            "            {\n"
            "                \"d\": null  <- expected a string\n"
            "            }\n"
            "        ]\n"
            "    },\n"
            "    \"e\": []\n"
            "}\n");
}

TEST(MarkedJson, WritesWhatIsMissingBehindTheValueThatLacksIt) {
  EXPECT_EQ(shown(R"({"a/b": {}})", {{"/to", "expected a string, found nothing"}, {"/a~1b/x/y", "no"}}),
            "{  <- /to: expected a string, found nothing\n    \"a/b\": {}  <- /a~1b/x/y: no\n}\n");
  EXPECT_EQ(shown("7", {{"", "expected an object"}}), "7  <- expected an object\n");
}

/// Indented, the whole text would have 160 GB, and the pointers to all values 40 GB.
TEST(MarkedJson, StopsWritingAtItsBound) {
  constexpr std::size_t depth = 200'000;
  std::string pointer;
  for (std::size_t i = 0; i < depth; ++i) pointer += "/0";
  const std::string text =
      shown(std::string(depth, '[') + std::string(depth, ']'), {{"/0/0", "no"}, {pointer, "deep"}}, 1000);
  EXPECT_NE(text.find("[  <- no\n"), std::string::npos);
  EXPECT_NE(text.find("deep"), std::string::npos);
}

TEST(MarkedJson, IsCutWhereItIsTooLong) {
  const std::string text = shown("[1, 2, 3, 4, 5, 6]", {{"/5", "no"}}, 20);
  EXPECT_THAT(text, testing::HasSubstr("…"));
  EXPECT_LT(text.size(), 60U);
}

TEST(MarkedJson, IsTheTextIfItIsNoJson) {
  EXPECT_EQ(shown("{", {}), "{\n");
}

}  // namespace
}  // namespace sluice::dashboard
