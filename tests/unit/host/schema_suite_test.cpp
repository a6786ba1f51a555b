// Runs the JSON Schema organisation's tests, if Debian's json-schema-test-suite is installed. Each schema
// must be refused or give the expected results. Intended differences are listed here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "host/refusal.hpp"
#include "host/schema.hpp"

namespace sluice::host {
namespace {

const std::filesystem::path suite = "/usr/share/json-schema-test-suite/tests";

std::string text_of(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return buffer.GetString();
}

struct Tally {
  int judged = 0;
  std::set<std::string> refused;  ///< the refused schemas: "file: description", with the refusal
  std::set<std::string> wrong;
};

void try_case(const std::string& file, const rapidjson::Value& one, Tally& tally) {
  const std::string name = file + ": " + one["description"].GetString();
  try {
    // A top-level schema must be an object.
    const bool whole = one["schema"].IsObject();
    Schema schema(whole ? text_of(one["schema"]) : "{\"allOf\":[" + text_of(one["schema"]) + "]}");
    for (const auto& test : one["tests"].GetArray()) {
      const bool passed = !schema.check(text_of(test["data"])).problem;
      ++tally.judged;
      if (passed != test["valid"].GetBool())
        tally.wrong.insert(name + ": " + test["description"].GetString());
    }
  } catch (const Refusal& refusal) {
    tally.refused.insert(name + ": " + refusal.what());
  }
}

Tally try_draft(const std::string& draft) {
  Tally tally;
  for (const auto& entry : std::filesystem::directory_iterator(suite / draft)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream stream(entry.path());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    rapidjson::Document cases;
    cases.Parse(text.c_str());
    for (const auto& one : cases.GetArray()) try_case(entry.path().stem().string(), one, tally);
  }
  return tally;
}

class SchemaSuite : public testing::TestWithParam<std::string> {
  void SetUp() override {
    if (!std::filesystem::exists(suite)) GTEST_SKIP() << "json-schema-test-suite is not installed";
  }
};

/// The entries of `found` that contain none of `expected`.
std::set<std::string> others(const std::set<std::string>& found, const std::set<std::string>& expected) {
  std::set<std::string> rest;
  for (const std::string& one : found) {
    const bool known = std::any_of(expected.begin(), expected.end(), [&](const std::string& part) {
      return one.find(part) != std::string::npos;
    });
    if (!known) rest.insert(one);
  }
  return rest;
}

TEST_P(SchemaSuite, Agrees) {
  const Tally tally = try_draft(GetParam());
  // Refused: references out of the schema or by another identity, an unknown keyword that contains a schema,
  // and unsupported formats.
  EXPECT_THAT(others(tally.refused,
                     {"expected a reference within the schema", "expected an identifier only at the root",
                      "the unknown keyword \"tilda~field\"", "expected a format that Sluice checks"}),
              testing::IsEmpty());
  // Different results: a null that no rule allows counts as absent, and keywords beside a reference are
  // enforced.
  EXPECT_THAT(others(tally.wrong, {"patternProperties: regexes are not anchored by default and are case "
                                   "sensitive: recognized members are accounted for",
                                   "ref overrides any sibling keywords: ref valid, maxItems ignored"}),
              testing::IsEmpty());
  EXPECT_GT(tally.judged, 50);
}

INSTANTIATE_TEST_SUITE_P(Drafts, SchemaSuite,
                         testing::Values("draft4", "draft6", "draft7", "draft7/optional/format"));

}  // namespace
}  // namespace sluice::host
