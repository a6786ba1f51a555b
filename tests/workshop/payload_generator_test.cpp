// Made-up payloads: the same from one seed, mostly right where they should be and wrong where they should
// not.
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

TEST(PayloadGenerator, MakesPayloadsThatPass) {
  PayloadGenerator generator(order_schema, order_example, 1);
  EXPECT_GE(passing(generator, &PayloadGenerator::valid, 500), 450);
}

TEST(PayloadGenerator, MakesOthersThatDoNot) {
  PayloadGenerator generator(order_schema, order_example, 1);
  EXPECT_LE(passing(generator, &PayloadGenerator::near_valid, 500), 250);
}

TEST(PayloadGenerator, MakesTheSameFromOneSeedAndOthersFromAnother) {
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

TEST(PayloadGenerator, VariesAndGoesToTheBounds) {
  PayloadGenerator generator(R"({"type": "integer", "minimum": -5, "maximum": 70000})", "", 1);
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) seen.insert(generator.valid());
  EXPECT_TRUE(seen.contains("-5") && seen.contains("70000") && seen.contains("0"));
  EXPECT_GT(seen.size(), 20U);
}

TEST(PayloadGenerator, MakesJsonOfAnySchemaAtAll) {
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
