#include "host/schema.hpp"

#include <gtest/gtest.h>

#include "host/refusal.hpp"

namespace sluice::host {
namespace {

std::string problem(const std::string& schema, const std::string& json) {
  return Schema(schema).check(json).value_or("");
}

TEST(Schema, AnEmptyOneTakesAnything) {
  EXPECT_EQ(problem("", "not even JSON"), "");
}

TEST(Schema, NamesPointerAndRule) {
  const std::string schema = R"({"properties":{"to":{"type":"string"},"n":{"maximum":10},
                                 "list":{"items":{"pattern":"^a"}}},"required":["to"]})";
  EXPECT_EQ(problem(schema, R"({"to":"x","n":10})"), "");
  EXPECT_EQ(
      problem(schema, "{}"),
      "the payload at its root (JSON pointer \"\") breaks the rule \"required\": [\"to\"] of its schema");
  EXPECT_EQ(problem(schema, R"({"to":1})"),
            "the payload at JSON pointer \"/to\" breaks the rule \"type\": \"string\" of its schema");
  EXPECT_EQ(problem(schema, R"({"to":"","n":11})"),
            "the payload at JSON pointer \"/n\" breaks the rule \"maximum\": 10 of its schema");
  EXPECT_EQ(problem(schema, R"({"to":"","list":["a","b"]})"),
            "the payload at JSON pointer \"/list/1\" breaks the rule \"pattern\": \"^a\" of its schema");
}

TEST(Schema, CanBeUsedAgainAfterAFailure) {
  Schema schema(R"({"type":"object"})");
  EXPECT_TRUE(schema.check("[]"));
  EXPECT_FALSE(schema.check("{}"));
  EXPECT_TRUE(schema.check("[]"));
}

TEST(Schema, TakesDocumentsOfAnyDepth) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  EXPECT_EQ(problem(R"({"type":"array"})", deep), "");
  EXPECT_NE(problem(R"({"type":"object"})", deep), "");
}

TEST(Schema, TakesNumbersBeyondADouble) {
  const std::string schema = R"({"items":{"type":"number"}})";
  EXPECT_EQ(problem(schema, "[1e999, -1e999, 1" + std::string(400, '0') + ", 18446744073709551616]"), "");
  EXPECT_NE(problem(R"({"items":{"maximum":10}})", "[1e999]"), "");
  EXPECT_EQ(problem(R"({"items":{"type":"integer"}})", "[-9223372036854775808, 18446744073709551615, 0]"),
            "");
}

TEST(Schema, RefusesASchemaThatIsNone) {
  EXPECT_THROW(Schema("{"), Refusal);
  EXPECT_THROW(Schema("[]"), Refusal);
}

TEST(IsJson, TellsJsonFromText) {
  EXPECT_TRUE(is_json("{\"a\":[1,null]}"));
  EXPECT_TRUE(is_json("12"));
  EXPECT_FALSE(is_json(""));
  EXPECT_FALSE(is_json("{} {}"));
  EXPECT_FALSE(is_json("{'a':1}"));
}

}  // namespace
}  // namespace sluice::host
