#include "cli/runtime/secrets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(WithoutSecrets, LeavesOutWhatNamesOrUrlsGiveAway) {
  const Redacted redacted = without_secrets(
      R"({"user":"ada","Password":"pw-1","db":{"url":"postgres://a:pw-2@h/d","port":5},"list":["x","http://u:pw-3@h"],
          "api_key":"pw-4","credentials":{"a":"pw-5"},"key":["id"],"a/b~":{"token":7}})",
      "");
  EXPECT_THAT(redacted.left_out,
              ElementsAre("/Password", "/db/url", "/list/1", "/api_key", "/credentials", "/a~1b~0/token"));
  EXPECT_THAT(redacted.json, Not(HasSubstr("pw-")));
  EXPECT_THAT(redacted.json, HasSubstr(R"("port":5)"));
  EXPECT_THAT(redacted.json, HasSubstr(R"("key":["id"])"));
}

TEST(WithoutSecrets, KeepsNamesOfFilesUrlsAndHeaders) {
  const std::string json =
      R"({"password_file":"/run/pw","token_url":"https://h/token","token_header":"X-Token","url":"https://ada@h"})";
  const Redacted redacted = without_secrets(json, "");
  EXPECT_THAT(redacted.left_out, IsEmpty());
  EXPECT_EQ(redacted.json, json);
}

TEST(WithoutSecrets, LeavesOutWhatTheSchemaDeclares) {
  const Redacted redacted = without_secrets(
      R"({"pin":1234,"login":{"word":"pw"},"users":[{"code":"pw"}],"any":{"x":"pw"}})", R"({"properties":{
        "pin":{"writeOnly":true},"login":{"properties":{"word":{"format":"password"}}},
        "users":{"items":{"properties":{"code":{"writeOnly":true}}}},"any":{"additionalProperties":{"writeOnly":true}}}})");
  EXPECT_THAT(redacted.left_out, ElementsAre("/pin", "/login/word", "/users/0/code", "/any/x"));
}

}  // namespace
}  // namespace sluice::cli
