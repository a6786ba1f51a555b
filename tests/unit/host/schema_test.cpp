#include "host/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/refusal.hpp"

namespace sluice::host {
namespace {

std::string problem(const std::string& schema, const std::string& json) {
  return Schema(schema).check(json).problem.value_or("");
}

TEST(Schema, AnEmptySchemaAcceptsAnything) {
  EXPECT_EQ(problem("", "not even JSON"), "");
}

TEST(Schema, NamesTheMemberTheAllowedValuesAndTheValueFound) {
  const std::string schema = R"({"properties":{"to":{"type":"string"},"n":{"maximum":10},
                                 "list":{"items":{"pattern":"^a"}}},"required":["to"]})";
  EXPECT_EQ(problem(schema, R"({"to":"x","n":10})"), "");
  EXPECT_EQ(problem(schema, "{}"), R"(the payload at JSON pointer "/to": expected a string, found nothing)");
  EXPECT_EQ(problem(schema, R"({"to":1})"),
            R"(the payload at JSON pointer "/to": expected a string, found the number 1)");
  EXPECT_EQ(problem(schema, R"({"to":"","n":11})"),
            R"(the payload at JSON pointer "/n": expected at most 10, found 11)");
  EXPECT_EQ(problem(schema, R"({"to":"","list":["a","b"]})"),
            R"(the payload at JSON pointer "/list/1": expected a string that matches ^a, found "b")");
  EXPECT_EQ(problem(schema, "[}"), "the payload is not valid JSON: at byte 1: Invalid value.");
}

struct Words {
  const char* schema;
  const char* json;
  const char* words;  ///< the text after "the payload at "
};

class SchemaWords : public testing::TestWithParam<Words> {};

TEST_P(SchemaWords, AreShort) {
  EXPECT_EQ(problem(GetParam().schema, GetParam().json), std::string("the payload at ") + GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    All, SchemaWords,
    testing::Values(
        Words{R"({"type":["object","null"]})", "[1]",
              R"(its root (JSON pointer ""): expected an object or null, found an array)"},
        Words{R"({"properties":{"a":{"enum":["x",2]}}})", R"({"a":"y"})",
              R"(JSON pointer "/a": expected one of "x" or 2, found "y")"},
        Words{R"({"properties":{"a":{"const":"x"}}})", R"({"a":"y"})",
              R"(JSON pointer "/a": expected "x", found "y")"},
        Words{R"({"properties":{"a":{"exclusiveMinimum":5}}})", R"({"a":5})",
              R"(JSON pointer "/a": expected more than 5, found 5)"},
        Words{R"({"properties":{"a":{"minimum":5,"exclusiveMinimum":true}}})", R"({"a":5})",
              R"(JSON pointer "/a": expected more than 5, found 5)"},
        Words{R"({"properties":{"a":{"minLength":3}}})", R"({"a":"é"})",
              R"(JSON pointer "/a": expected at least 3 characters, found 1 character)"},
        Words{R"({"properties":{"a":{"format":"email"}}})", R"({"a":"ann"})",
              R"(JSON pointer "/a": expected an e-mail address, found "ann")"},
        Words{
            R"({"properties":{"to":{},"cc":{}},"additionalProperties":false})", R"({"tos":1})",
            R"(JSON pointer "/tos": expected no such member (known members: "cc" and "to"), found the number 1)"},
        Words{R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})",
              R"(JSON pointer "/b": expected a value, because "a" is present, found nothing)"},
        Words{R"({"if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]}})", R"({"a":1})",
              R"(JSON pointer "/b": expected a value, found nothing)"},
        // If several alternatives are allowed, the closest one is reported.
        Words{
            R"({"properties":{"to":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}}})",
            R"({"to":5})", R"(JSON pointer "/to": expected a string or an array, found the number 5)"},
        Words{
            R"({"properties":{"to":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}}})",
            R"({"to":["a",5]})", R"(JSON pointer "/to/1": expected a string, found the number 5)"},
        Words{R"({"oneOf":[{"required":["a"]},{"required":["b"]}]})", "{}",
              R"(its root (JSON pointer ""): expected the member "a" or the member "b", found an object)"},
        Words{
            R"({"oneOf":[{"required":["a"]},{"required":["b"]}]})", R"({"a":1,"b":2})",
            R"(its root (JSON pointer ""): expected only one of: the member "a" or the member "b", found 2 of them)"},
        Words{R"({"anyOf":[{"properties":{"kind":{"const":"x"},"n":{"type":"integer"}}},
                           {"properties":{"kind":{"const":"y"},"n":{"type":"string"}}}]})",
              R"({"kind":"y","n":3})", R"(JSON pointer "/n": expected a string, found the number 3)"}));

TEST(Schema, DoesNotQuoteTextThatMayBeSecret) {
  Schema schema(R"({"properties":{"password":{"minLength":9,"pattern":"^[a-z]*$"}}})");
  EXPECT_EQ(
      schema.check(R"({"password":"SECRETsecret"})", "the configuration", Quotes::no_strings).problem,
      R"(the configuration at JSON pointer "/password": expected a string that matches ^[a-z]*$, found a different string)");
}

TEST(Schema, QuotesNothingOfADocumentWhoseValuesMustNotBeSeen) {
  const auto problem = [](const char* rule, const char* value) {
    return Schema(std::string(R"({"properties":{"a":)") + rule + "}}")
        .check(std::string(R"({"a":)") + value + "}", "the payload", Quotes::nothing)
        .problem.value_or("");
  };
  const std::string at = R"(the payload at JSON pointer "/a": expected )";
  EXPECT_EQ(problem(R"({"pattern":"@"})", R"("SECRET")"),
            at + "a string that matches @, found a string of 6 characters");
  EXPECT_EQ(problem(R"({"format":"email"})", R"("S")").find("\"S\""), std::string::npos);
  EXPECT_EQ(problem(R"({"enum":["x"]})", R"("SECRET")"), at + "\"x\", found a string of 6 characters");
  EXPECT_EQ(problem(R"({"const":1})", "4111"), at + "1, found a number");
  EXPECT_EQ(problem(R"({"type":"string"})", "4111"), at + "a string, found a number");
  EXPECT_EQ(problem(R"({"type":"string"})", "true"), at + "a string, found a boolean");
  EXPECT_EQ(problem(R"({"maximum":9})", "4111"), at + "at most 9, found a number");
  EXPECT_EQ(problem(R"({"multipleOf":2})", "4111"), at + "a multiple of 2, found a number");
  EXPECT_EQ(problem(R"({"anyOf":[{"const":1},{"pattern":"@"}]})", R"("SECRET")").find("SECRET"),
            std::string::npos);
}

struct Refused {
  const char* schema;
  const char* pointer;
  const char* words;
};

class SchemaRefusal : public testing::TestWithParam<Refused> {};

TEST_P(SchemaRefusal, NamesThePointer) {
  try {
    const Schema schema(GetParam().schema);
    FAIL() << GetParam().schema << " was accepted";
  } catch (const Refusal& refusal) {
    EXPECT_THAT(refusal.what(),
                testing::HasSubstr(" at JSON pointer \"" + std::string(GetParam().pointer) + "\""));
    EXPECT_THAT(refusal.what(), testing::HasSubstr(GetParam().words));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SchemaRefusal,
    testing::Values(
        Refused{R"({"properties":{"a":{"patern":"x"}}})", "/properties/a/patern", "expected \"pattern\""},
        Refused{R"({"requird":["a"]})", "/requird", "expected \"required\""},
        Refused{R"({"nullable":true})", "/nullable", "unknown keyword"},
        Refused{R"({"unevaluatedProperties":false})", "/unevaluatedProperties", "unknown keyword"},
        Refused{R"({"contentEncoding":"base64"})", "/contentEncoding", "unknown keyword"},
        Refused{R"({"required":"name"})", "/required", "a list of different names"},
        Refused{R"({"required":["a","a"]})", "/required", "a list of different names"},
        Refused{R"({"properties":{"a":{"required":true}}})", "/properties/a/required",
                "a list of different names"},
        Refused{R"({"type":"text"})", "/type", "\"string\""},
        Refused{R"({"enum":[]})", "/enum", "at least one value"},
        Refused{R"({"properties":["a"]})", "/properties", "an object"},
        Refused{R"({"properties":{"a":"string"}})", "/properties/a", "a schema"},
        Refused{R"({"minimum":"5"})", "/minimum", "a number"},
        Refused{R"({"exclusiveMinimum":true})", "/exclusiveMinimum", "a \"minimum\" beside it"},
        Refused{R"({"minLength":-1})", "/minLength", "non-negative"},
        Refused{R"({"multipleOf":0})", "/multipleOf", "above 0"},
        Refused{R"({"format":"e-mail"})", "/format", "date, date-time"},
        Refused{R"({"pattern":"((("})", "/pattern", "missing )"},
        Refused{R"j({"pattern":"^(?=a)"})j", "/pattern", "without lookaround"},
        Refused{R"j({"patternProperties":{"(a)\\1":{}}})j", "/patternProperties/(a)\\\\1",
                "without lookaround"},
        Refused{R"({"oneOf":[]})", "/oneOf", "at least one schema"},
        Refused{R"({"$ref":"#/definitions/no"})", "/$ref", "a JSON pointer to a part of the schema"},
        Refused{R"({"$ref":"other.json#/a"})", "/$ref", "within the schema"},
        Refused{R"({"$ref":"#"})", "", "refers back to itself"},
        Refused{
            R"({"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"anyOf":[{"$ref":"#/definitions/a"}]}}})",
            "/definitions/a", "refers back to itself"},
        Refused{R"({"properties":{"a":{"not":{"$ref":"#/properties/a"}}}})", "/properties/a",
                "refers back to itself"},
        Refused{R"({"minContains":2})", "/minContains", "a \"contains\" beside it"},
        Refused{R"({"type":"object","type":"array"})", "", "the keyword \"type\" twice"}));

TEST(Schema, EnforcesCommonKeywords) {
  EXPECT_NE(problem(R"({"pattern":"^\\d+$"})", R"("x")"), "");
  EXPECT_EQ(problem(R"({"pattern":"^\\d+$"})", R"("12")"), "");
  EXPECT_NE(problem(R"({"pattern":"^(?:a|b)$"})", R"("c")"), "");
  EXPECT_EQ(problem(R"({"pattern":"^[\\u0041-\\u0043]$"})", R"("B")"), "");
  EXPECT_NE(
      problem(R"({"$defs":{"n":{"type":"integer"}},"prefixItems":[{"$ref":"#/$defs/n"}],"items":false})",
              "[1,2]"),
      "");
  EXPECT_EQ(problem(R"({"type":"integer"})", "3e2"), "");
  EXPECT_EQ(problem(R"({"multipleOf":0.01})", "19.99"), "");
  EXPECT_NE(problem(R"({"maximum":9007199254740992})", "9007199254740993"), "");
}

TEST(Schema, AllowsRecursionThroughMembersUpToASafeDepth) {
  const std::string schema = R"({"properties":{"a":{"$ref":"#"},"n":{"type":"integer"}}})";
  const auto nested = [](int depth, const std::string& inner) {
    std::string json;
    for (int i = 0; i < depth; ++i) json += "{\"a\":";
    return json + inner + std::string(static_cast<std::size_t>(depth), '}');
  };
  EXPECT_EQ(problem(schema, nested(300, R"({"n":1})")), "");
  EXPECT_NE(problem(schema, nested(300, R"({"n":"x"})")), "");
  EXPECT_EQ(problem(schema, nested(100'000, "{}")), "the payload is nested deeper than 1000 levels");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_NE(problem(R"({"uniqueItems":true})", "[" + deep + "," + deep + "]"), "");
}

TEST(Schema, TreatsNullAsAbsentIfAbsenceIsAllowed) {
  const std::string schema =
      R"({"properties":{"to":{"type":"string"},"cc":{"type":"string"},"bcc":{"type":["string","null"]},
    "n":{"type":"integer","if":{"minimum":0},"then":{"maximum":9}},
    "file":{"properties":{"content":{"type":"string"},"path":{"type":"string"}},
            "oneOf":[{"required":["content"]},{"required":["path"]}]},
    "list":{"items":{"type":"string"}}},
    "required":["to"],"additionalProperties":false})";
  EXPECT_EQ(
      problem(schema, R"({"to":"a","cc":null,"bcc":null,"n":null,"file":null,"list":null,"other":null})"),
      "");
  EXPECT_EQ(problem(schema, R"({"to":"a","file":{"content":"x","path":null}})"), "");
  EXPECT_EQ(problem(schema, R"({"to":null,"cc":null})"),
            R"(the payload at JSON pointer "/to": expected a string, found null)");
  EXPECT_EQ(problem(schema, R"({"to":"a","list":[null]})"),
            R"(the payload at JSON pointer "/list/0": expected a string, found null)");
  EXPECT_EQ(problem(R"({"required":["a"],"properties":{"a":{}}})", R"({"a":null})"), "");
  EXPECT_EQ(problem(R"({"required":["a"],"properties":{"a":{"enum":[1,null]}}})", R"({"a":null})"), "");
  EXPECT_EQ(problem(R"({"anyOf":[{"properties":{"a":{"type":"null"}},"required":["a"]},
                                 {"properties":{"a":{"type":"string"}},"required":["a"]}]})",
                    R"({"a":null})"),
            "");
}

std::vector<std::string> ignored(const std::string& schema, const std::string& json) {
  return Schema(schema).check(json).ignored;
}

TEST(Schema, NamesTheMembersThatNothingReads) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  const std::string schema = R"({"definitions":{"line":{"properties":{"sku":{}}}},
    "properties":{"to":{},"lines":{"items":{"$ref":"#/definitions/line"}},"free":{"type":"object"},
                  "map":{"properties":{"a":{}},"additionalProperties":{"type":"string"}},
                  "x":{"properties":{"b":{}},"patternProperties":{"^p":{}}}},
    "allOf":[{"properties":{"more":{}}}],"required":["id"],"dependentRequired":{"c":["d"]}})";
  EXPECT_THAT(
      ignored(schema,
              R"({"id":1,"to":1,"c":1,"d":2,"more":1,"free":{"any":1},"map":{"k":"v"},"x":{"pq":1}})"),
      IsEmpty());
  EXPECT_THAT(
      ignored(schema, R"({"id":1,"headers":{},"none":null,"lines":[{"sku":1,"note":1},{"note":2,"qty":1}],
                                  "x":{"q":1}})"),
      ElementsAre("headers", "lines[].note", "lines[].qty", "x.q"));
  EXPECT_THAT(ignored(R"({"type":"object"})", R"({"a":1})"), IsEmpty());
  EXPECT_THAT(ignored("", R"({"a":1})"), IsEmpty());
}

TEST(Schema, IsSharedByCopies) {
  Schema one(R"({"properties":{"a":{"type":"string"}}})");
  Schema other(one);
  EXPECT_TRUE(other.check(R"({"a":1})").problem);
  EXPECT_FALSE(one.check(R"({"a":"x"})").problem);
}

TEST(Schema, CanBeUsedAgainAfterAFailure) {
  Schema schema(R"({"type":"object"})");
  EXPECT_TRUE(schema.check("[]").problem);
  EXPECT_FALSE(schema.check("{}").problem);
  EXPECT_TRUE(schema.check("[]").problem);
}

TEST(Schema, AcceptsDocumentsOfAnyDepth) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  EXPECT_EQ(problem(R"({"type":"array"})", deep), "");
  EXPECT_NE(problem(R"({"type":"object"})", deep), "");
}

TEST(Schema, AcceptsNumbersBeyondADouble) {
  const std::string schema = R"({"items":{"type":"number"}})";
  EXPECT_EQ(problem(schema, "[1e999, -1e999, 1" + std::string(400, '0') + ", 18446744073709551616]"), "");
  EXPECT_NE(problem(R"({"items":{"maximum":10}})", "[1e999]"), "");
  EXPECT_EQ(problem(R"({"items":{"type":"integer"}})", "[-9223372036854775808, 18446744073709551615, 0]"),
            "");
}

TEST(Schema, RefusesAnInvalidSchema) {
  EXPECT_THROW(Schema("{"), Refusal);
  EXPECT_THROW(Schema("[]"), Refusal);
}

TEST(IsJson, DistinguishesJsonFromOtherText) {
  EXPECT_TRUE(is_json("{\"a\":[1,null]}"));
  EXPECT_TRUE(is_json("12"));
  EXPECT_FALSE(is_json(""));
  EXPECT_FALSE(is_json("{} {}"));
  EXPECT_FALSE(is_json("{'a':1}"));
}

}  // namespace
}  // namespace sluice::host
