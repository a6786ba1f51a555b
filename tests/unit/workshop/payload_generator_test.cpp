// Generated payloads: the same for the same seed. Those meant to be valid are mostly valid, those meant to be
// invalid mostly invalid.
#include "workshop/payload_generator.hpp"

#include <gtest/gtest.h>

#include <set>

#include "host/schema.hpp"

namespace sluice::workshop {
namespace {

constexpr const char* order_schema = R"({
  "type": "object", "required": ["id", "lines"], "additionalProperties": false,
  "definitions": {"money": {"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 1000}},
  "properties": {
    "id": {"type": "string", "minLength": 3, "maxLength": 8},
    "state": {"enum": ["new", "paid", 3, null]},
    "count": {"type": "integer", "minimum": -2, "maximum": 12, "multipleOf": 2},
    "to": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"},
    "lines": {"type": "array", "minItems": 1, "maxItems": 4,
              "items": {"type": "object", "required": ["price"],
                        "properties": {"price": {"$ref": "#/definitions/money"}}}},
    "way": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "any": {}
  }
})";
constexpr const char* order_example = R"({"id": "abc", "to": "ada@example.com", "lines": [{"price": 1.5}]})";

int passing(PayloadGenerator& generator, std::string (PayloadGenerator::*make)(), int count) {
  host::Schema schema(order_schema);
  int passed = 0;
  for (int i = 0; i < count; ++i) passed += schema.check((generator.*make)()).problem ? 0 : 1;
  return passed;
}

TEST(PayloadGenerator, MakesValidPayloads) {
  PayloadGenerator generator(order_schema, order_example, 1);
  EXPECT_GE(passing(generator, &PayloadGenerator::valid, 500), 450);
}

TEST(PayloadGenerator, MakesInvalidPayloads) {
  PayloadGenerator generator(order_schema, order_example, 1);
  EXPECT_LE(passing(generator, &PayloadGenerator::near_valid, 500), 250);
}

TEST(PayloadGenerator, MakesTheSamePayloadsForTheSameSeedOnly) {
  PayloadGenerator one(order_schema, order_example, 7);
  PayloadGenerator same(order_schema, order_example, 7);
  PayloadGenerator other(order_schema, order_example, 8);
  int different = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string payload = one.valid();
    EXPECT_EQ(payload, same.valid());
    different += payload == other.valid() ? 0 : 1;
    EXPECT_EQ(one.near_valid(), same.near_valid());
    (void)other.near_valid();
  }
  EXPECT_GT(different, 90);
}

TEST(PayloadGenerator, SupportsKeywordsOfLaterDrafts) {
  for (const char* schema :
       {R"({"const": {"a": [1]}})", R"({"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 4})",
        R"({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})",
        R"({"type": "string", "format": "date"})", R"({"type": "string", "format": "date-time"})",
        R"({"type": "string", "format": "duration"})", R"({"type": "string", "format": "email"})",
        R"({"type": "string", "format": "hostname"})", R"({"type": "string", "format": "ipv4"})",
        R"({"type": "string", "format": "ipv6"})", R"({"type": "string", "format": "json-pointer"})",
        R"({"type": "string", "format": "time"})", R"({"type": "string", "format": "uri"})",
        R"({"type": "string", "format": "uri-reference"})", R"({"type": "string", "format": "uuid"})"}) {
    PayloadGenerator generator(schema, "", 5);
    host::Schema check(schema);
    for (int i = 0; i < 20; ++i) {
      const std::string payload = generator.valid();
      EXPECT_EQ(check.check(payload).problem, std::nullopt) << schema << payload;
    }
  }
}

TEST(PayloadGenerator, MakesVariedAndBoundaryValues) {
  PayloadGenerator generator(R"({"type": "integer", "minimum": -5, "maximum": 70000})", "", 1);
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) seen.insert(generator.valid());
  EXPECT_TRUE(seen.contains("-5") && seen.contains("70000") && seen.contains("0"));
  EXPECT_GT(seen.size(), 20U);
}

TEST(PayloadGenerator, MakesJsonForAnySchema) {
  for (const char* schema :
       {"", "{}", "[]", "no json", R"({"$ref": "#"})",
        R"({"properties": {"self": {"$ref": "#"}}, "required": ["self"]})", R"({"enum": []})",
        R"({"oneOf": []})", R"({"type": "array", "items": {"$ref": "#/no/where"}})",
        R"({"type": ["string", 7]})", R"({"minItems": 1e300, "type": "string", "minLength": -1})",
        R"({"type": "integer", "minimum": 9, "maximum": 1})"}) {
    PayloadGenerator generator(schema, "", 3);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(host::is_json(generator.valid())) << schema;
  }
}

}  // namespace
}  // namespace sluice::workshop
