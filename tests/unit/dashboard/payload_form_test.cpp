#include "dashboard/payload_form.hpp"

#include <gmock/gmock.h>

#include "cli/runtime/page_services.hpp"

namespace sluice::dashboard {
namespace {

using Kind = PayloadField::Kind;

constexpr const char* schema = R"({
  "type": "object",
  "properties": {
    "note": {"type": "string", "title": "Note", "description": "shown to nobody"},
    "count": {"type": "integer", "minimum": 1, "default": 3},
    "part": {"type": ["number", "null"]},
    "urgent": {"type": "boolean"},
    "kind": {"enum": ["a", 2, null]},
    "to": {"$ref": "#/$defs/address"},
    "lines": {"type": "array", "items": {"type": "string"}}
  },
  "required": ["to", "count"],
  "$defs": {"address": {"type": "string", "format": "email"}}
})";

std::vector<PayloadField> filled(const std::string& query) {
  auto fields = fields_of(schema);
  EXPECT_TRUE(fill(fields, Form(query)));
  return fields;
}

const PayloadField& field(const std::vector<PayloadField>& fields, const std::string& name) {
  return *std::find_if(fields.begin(), fields.end(), [&](const auto& one) { return one.name == name; });
}

TEST(PayloadForm, HasAFieldForEachMemberThoseThatMustBeThereFirst) {
  const auto fields = fields_of(schema);
  ASSERT_EQ(fields.size(), 7U);
  EXPECT_EQ(fields[0].name + " " + fields[1].name, "count to");
  EXPECT_TRUE(fields[0].required);
  EXPECT_EQ(fields[0].kind, Kind::whole);
  EXPECT_EQ(fields[0].value, "3") << "the default";
  EXPECT_EQ(fields[1].kind, Kind::text) << "through the reference";
  EXPECT_EQ(fields[1].format, "email");
  EXPECT_EQ(field(fields, "note").description, "Note: shown to nobody");
  EXPECT_EQ(field(fields, "part").kind, Kind::number);
  EXPECT_EQ(field(fields, "urgent").kind, Kind::truth);
  EXPECT_EQ(field(fields, "kind").choices, (std::vector<std::string>{"\"a\"", "2", "null"}));
  EXPECT_EQ(field(fields, "lines").kind, Kind::json);
}

TEST(PayloadForm, HasNoFieldsWithoutMembersInTheSchema) {
  EXPECT_TRUE(fields_of("").empty());
  EXPECT_TRUE(fields_of("{}").empty());
  EXPECT_TRUE(fields_of("[1").empty());
  EXPECT_TRUE(fields_of(R"({"properties": 7})").empty());
}

TEST(PayloadForm, MakesAPayloadOfItsFields) {
  auto fields = filled(
      "field.to=a%40b&field.count=12345678901234567890&field.part=1.50&field.urgent=true&field.kind=%22a%22&"
      "field.lines=%5B%22x%22%5D&field.note=");
  EXPECT_EQ(
      payload_of(fields),
      R"({"count": 12345678901234567890, "to": "a@b", "part": 1.50, "urgent": true, "kind": "a", "lines": ["x"]})");
}

TEST(PayloadForm, SaysAtTheFieldWhatCannotBeSent) {
  auto fields =
      filled("field.to=a&field.count=1.5&field.part=many&field.urgent=yes&field.kind=b&field.lines=%5B");
  EXPECT_EQ(payload_of(fields), std::nullopt);
  EXPECT_EQ(field(fields, "count").problem, "expected a whole number");
  EXPECT_EQ(field(fields, "part").problem, "expected a number, such as 1.5");
  EXPECT_EQ(field(fields, "urgent").problem, "expected true or false");
  EXPECT_EQ(field(fields, "kind").problem, "expected one of the choices");
  EXPECT_EQ(field(fields, "lines").problem, "expected JSON, such as {\"key\": [1, 2]}");
  EXPECT_EQ(field(fields, "to").problem, "");
}

TEST(PayloadForm, BearsDeepNestingInAnyField) {
  const std::string deep(200'000, '[');
  for (const char* const name : {"count", "part", "lines"}) {
    auto fields = filled("field.to=a%40b.example&field.count=1&field." + std::string(name) + "=" + deep);
    for (auto& one : fields) {
      if (one.name == name) one.value = deep;
    }
    EXPECT_FALSE(payload_of(fields)) << name;
    EXPECT_NE(field(fields, name).problem, "") << name;
  }
}

TEST(PayloadForm, GivesEachProblemOfTheSchemaToItsField) {
  auto fields = filled("field.count=0&field.lines=%5B1%5D");
  const auto payload = payload_of(fields);
  ASSERT_TRUE(payload);
  const auto rest = assign(fields, cli::examine_payload(schema, *payload, true));
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(field(fields, "to").problem, "expected an e-mail address, found nothing");
  EXPECT_EQ(field(fields, "count").problem, "expected at least 1, found 0");
  EXPECT_EQ(field(fields, "lines").problem, "at /lines/0: expected a string, found the number 1");
}

TEST(PayloadForm, KeepsProblemsThatBelongToNoField) {
  auto fields = fields_of(schema);
  const auto rest =
      assign(fields, {{"", "expected an object, found an array"}, {"/other", "expected nothing here"}});
  EXPECT_EQ(rest.size(), 2U);
}

TEST(ExaminedPayload, HasTheFirstProblemOfEachMember) {
  const auto problems = cli::examine_payload(schema, R"({"to": 1, "count": "x", "part": 2})", true);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].pointer, "/count");
  EXPECT_EQ(problems[1].pointer, "/to");
  EXPECT_TRUE(cli::examine_payload(schema, R"({"to": "a@b.example", "count": 1})", true).empty());
  EXPECT_EQ(cli::examine_payload(schema, "[]", true).at(0).pointer, "");
  EXPECT_TRUE(cli::examine_payload("{\"type\": 7}", "{}", true).empty()) << "no schema";
}

TEST(ExaminedPayload, QuotesNoTextThatIsHidden) {
  const auto problems = cli::examine_payload(R"({"properties": {"a": {"pattern": "^x", "type": "string"}}})",
                                             R"({"a": "rose"})", false);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].text, testing::Not(testing::HasSubstr("rose")));
}

}  // namespace
}  // namespace sluice::dashboard
