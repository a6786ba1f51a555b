#include "dashboard/endpoints.hpp"

#include <gmock/gmock.h>
#include <rapidjson/document.h>

#include <map>
#include <set>

#include "dashboard/page_parts.hpp"
#include "dashboard/view.hpp"

namespace sluice::dashboard {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Why the request is refused; empty if it is not.
std::string refusal(const std::string& method, const std::string& path, const std::string& fields,
                    bool is_api = true) {
  try {
    check(Form(fields), endpoint_of(method, parts_of(path), is_api), is_api);
  } catch (const Problem4xx& problem) {
    return std::to_string(problem.status()) + " " + problem.what();
  }
  return "";
}

/// Why a change of the jobs that the query names is refused.
std::string filter_refusal(const std::string& query) {
  try {
    check_filter(Form(query), true);
    filter_of(Form(query));
  } catch (const Problem4xx& problem) {
    return std::to_string(problem.status()) + " " + problem.what();
  }
  return "";
}

TEST(Endpoints, RefuseUnknownRepeatedAndInvalidParameters) {
  EXPECT_EQ(refusal("GET", "/jobs", "status=error&status=done&type=a&limit=7"), "");
  EXPECT_THAT(refusal("GET", "/jobs", "stauts=error"), AllOf(HasSubstr("400 unknown parameter 'stauts'"),
                                                             HasSubstr("known here: status, type, from")));
  EXPECT_THAT(refusal("GET", "/jobs", "order=foo"),
              HasSubstr("'order' can't be 'foo'; known: newest, oldest"));
  EXPECT_THAT(refusal("GET", "/jobs", "status=nonsense"), HasSubstr("known: pending, processing"));
  EXPECT_THAT(refusal("GET", "/jobs", "limit=1&limit=2"), HasSubstr("'limit' is given more than once"));
  EXPECT_THAT(refusal("GET", "/now", "range="), HasSubstr("'range' is empty"));
  EXPECT_THAT(refusal("GET", "/jobs", "code=%ff"), HasSubstr("'code' is no text in UTF-8"));
  EXPECT_THAT(refusal("GET", "/jobs", "code=%00"), HasSubstr("or has a NUL"));
  EXPECT_THAT(refusal("GET", "/plugins", "x=1"), HasSubstr("none is known here"));
  EXPECT_THAT(refusal("POST", "/jobs/new", "type=a&payload=%7B%7D&delay=10m&id=mine"),
              HasSubstr("unknown parameter 'delay'"));
  EXPECT_THAT(refusal("POST", "/jobs/new", "type=a&instaed_of=x"), HasSubstr("'instaed_of'"));
  EXPECT_THAT(refusal("POST", "/jobs/new", "field.=x"), HasSubstr("'field.'"));
  EXPECT_THAT(refusal("POST", "/types/a/pause", "raeson=x"), HasSubstr("'raeson'"));
}

TEST(Endpoints, LetPagesSendFieldsThatWereLeftEmpty) {
  EXPECT_EQ(refusal("GET", "/jobs", "from=&before=&type=&type=&order=newest", false), "");
  EXPECT_EQ(refusal("POST", "/types/a/pause", "back=%2Ftypes%2Fa&reason=", false), "");
  EXPECT_THAT(refusal("POST", "/types/a/pause", "back=%2F", true), HasSubstr("unknown parameter 'back'"));
  EXPECT_THAT(refusal("GET", "/jobs", "stauts=error", false), HasSubstr("unknown parameter"));
}

TEST(Endpoints, SayWhichMethodsAPathTakes) {
  EXPECT_THAT(refusal("POST", "/now", ""), HasSubstr("405 only these methods are allowed here: GET, HEAD"));
  EXPECT_EQ(methods_of(parts_of("/jobs/a"), true), "GET, HEAD, DELETE");
  EXPECT_THAT(refusal("GET", "/nothing", ""), HasSubstr("404"));
  EXPECT_THAT(refusal("GET", "/jobs/%ff%fe", ""), AllOf(HasSubstr("400"), HasSubstr("no text in UTF-8")));
  EXPECT_THAT(refusal("POST", "/types//pause", ""), HasSubstr("404")) << "a type has a name";
}

TEST(Endpoints, TheFilterOfAChangeOfManyJobsHasNothingThatIsNotRead) {
  EXPECT_EQ(filter_refusal("status=error&type=a&code=x&from=2026-01-01T00:00"), "");
  EXPECT_EQ(filter_refusal("status=error&type=a&group=1&message=&frame="), "");
  EXPECT_THAT(filter_refusal("status=error&typ=none.such&form=2027-01-01T00:00"), HasSubstr("'typ'"));
  EXPECT_THAT(filter_refusal("status=error&type="), HasSubstr("'type' is empty"));
  EXPECT_THAT(filter_refusal("status=error&limit=10"), HasSubstr("unknown parameter 'limit'"));
  EXPECT_THAT(filter_refusal("status=error&text=x"), HasSubstr("can't be restricted by 'text'"));
  EXPECT_THAT(filter_refusal("status=error&message=x"), HasSubstr("group=1"));
  EXPECT_THAT(filter_refusal("status=error&before=2026-13-01T00:00"), HasSubstr("before can't be"));
}

TEST(Endpoints, TimesOfAFilterAreWhatWasWritten) {
  const auto filter = filter_of(Form("status=error&from=2026-11-01T12:00&before=2026-11-01T12:00:00.5Z"));
  const store::Time noon =
      store::Time(std::chrono::sys_days(std::chrono::November / 1 / 2026)) + std::chrono::hours(12);
  EXPECT_EQ(filter.created_from, noon);
  EXPECT_EQ(filter.created_before, noon + std::chrono::milliseconds(500));
  EXPECT_FALSE(filter.since || filter.older_than);
}

TEST(Endpoints, RefuseTimesThatAreNone) {
  for (const char* const wrong :
       {"2026-13-45T99:99", "2026-02-30T00:00", "2026-11-27T00:00+05:00", "2026-11-27T00:00Zx", "2026-11-27",
        "2026-11-27T24:00", "2026-11-27T00:00:60", "2026-11-27 00:00", "1969-01-01T00:00",
        "2026-11-27T00:00:00.1234"})
    EXPECT_THROW(parse_time("from", wrong), Problem4xx) << wrong;
}

TEST(Endpoints, RefusePathsByWhichPostgreSqlFindsAnElementButNoPointerDoes) {
  for (const char* const wrong :
       {"cards.-2.number", "cards.00.number", "cards.+0.number", "cards. 0.number", "/cards/-1", "01"})
    EXPECT_THROW(asked_path("column", wrong), Problem4xx) << wrong;
  EXPECT_EQ(asked_path("column", "cards.0.number").size(), 3U);
  EXPECT_EQ(asked_path("column", "a.10.-.x-1.0x").size(), 5U);
  EXPECT_THROW(query_of(Form("where=cards.-2.number%3D4111")), Problem4xx);
}

/// "name" → "enum: a b", "list", "list of enum: a", "text"
using Described = std::map<std::string, std::string>;

std::string kind_of(const rapidjson::Value& schema) {
  if (schema.HasMember("items")) {
    const std::string kind = kind_of(schema["items"]);
    return kind == "text" ? "list" : "list of " + kind;
  }
  if (!schema.HasMember("enum")) return "text";
  std::string kind = "enum:";
  for (const auto& one : schema["enum"].GetArray()) kind += std::string(" ") + one.GetString();
  return kind;
}

std::string kind_of(const RequestField& field) {
  std::string kind = field.choices.empty() ? "text" : "enum:";
  for (const auto choice : field.choices) kind += " " + std::string(choice);
  return !field.many ? kind : kind == "text" ? "list" : "list of " + kind;
}

Described described(const rapidjson::Value& operation) {
  Described fields;
  if (operation.HasMember("parameters")) {
    for (const auto& one : operation["parameters"].GetArray()) {
      if (std::string(one["in"].GetString()) == "query")
        fields[one["name"].GetString()] = kind_of(one["schema"]);
    }
  }
  if (!operation.HasMember("requestBody")) return fields;
  const auto& schema = operation["requestBody"]["content"]["application/json"]["schema"];
  for (const auto& one : schema["properties"].GetObject()) fields[one.name.GetString()] = kind_of(one.value);
  if (schema["additionalProperties"].IsObject()) fields["field.*"] = "text";
  return fields;
}

TEST(Endpoints, AreThoseOfTheDescription) {
  rapidjson::Document document;
  document.Parse(std::string(*web_file("templates/openapi.json")).c_str());
  ASSERT_TRUE(document.IsObject());
  std::set<std::string> of_document;
  for (const auto& path : document["paths"].GetObject()) {
    std::string place = path.name.GetString();
    for (auto at = place.find('{'); at != std::string::npos; at = place.find('{'))
      place.replace(at, place.find('}') + 1 - at, "*");
    for (const auto& operation : path.value.GetObject()) {
      std::string method = operation.name.GetString();
      for (char& c : method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      of_document.insert(method + " " + place);
      const Endpoint& endpoint = endpoint_of(method, parts_of(place), true);
      Described known;
      for (const RequestField& field : endpoint.fields) {
        if (!field.page_only) known[std::string(field.name)] = kind_of(field);
      }
      EXPECT_EQ(described(operation.value), known) << method << " " << place;
    }
  }
  for (const Endpoint& endpoint : endpoints()) {
    if (endpoint.side == Side::page) continue;
    EXPECT_TRUE(of_document.contains(std::string(endpoint.method) + " " + std::string(endpoint.path)))
        << endpoint.path << " is not described";
  }
}

}  // namespace
}  // namespace sluice::dashboard
