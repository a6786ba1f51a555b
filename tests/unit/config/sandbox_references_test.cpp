#include "config/sandbox_references.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

job::SandboxTable table_of(const std::string& table, const std::string& config) {
  return resolved(job::parse_sandbox(table), config);
}

TEST(SandboxReferences, ArePathsThatTheConfigurationNames) {
  const auto table = table_of(R"({"read":["/a","config:/mail/folder"],"write":["config:/list"]})",
                              R"({"mail":{"folder":"/usr"},"list":["/usr","/","/no/such/folder","/usr"]})");
  EXPECT_THAT(*table.read, ElementsAre("/a", "/usr"));
  EXPECT_THAT(*table.write, ElementsAre("/usr", "/")) << "what does not exist is the plugin's to report";
}

TEST(SandboxReferences, MayNameTheFolderOfAFile) {
  const auto table =
      table_of(R"({"read":["config:/file/..","config:/file/../.."]})", R"({"file":"/usr/bin/env"})");
  EXPECT_EQ(table.read->front(), "/usr/bin");
  EXPECT_THAT(*table.read, testing::Contains("/usr/bin/env")) << "all of /usr would be too much";
}

TEST(SandboxReferences, ThatTheConfigurationLacksAreLeftOut) {
  const auto table =
      table_of(R"({"read":["config:/a/b"],"connect":["config:/url"],"spawn":"config:/templates"})",
               R"({"a":"text","url":true})");
  EXPECT_THAT(*table.read, IsEmpty());
  EXPECT_THAT(*table.connect, IsEmpty());
  EXPECT_EQ(table.spawn, false);
  EXPECT_FALSE(job::sandbox_of({}, table).any_sockets());
}

TEST(SandboxReferences, ArePortsOfUrls) {
  const auto ports = [](const std::string& value) {
    return *table_of(R"({"connect":["config:/at"]})", "{\"at\":" + value + "}").connect;
  };
  EXPECT_THAT(ports("\"https://ada:pw@example.com/path:1\""), ElementsAre("443", "53"));
  EXPECT_THAT(ports("\"smtp://example.com:587\""), ElementsAre("587", "53"));
  EXPECT_THAT(ports("\"smtps://[2001:db8::1]\""), ElementsAre("465", "53"));
  EXPECT_THAT(ports("\"http://[::1]:8080?x\""), ElementsAre("8080", "53"));
  EXPECT_THAT(ports("25"), ElementsAre("25"));
  EXPECT_THAT(ports("70000"), IsEmpty());
  EXPECT_THAT(ports("\"odd://example.com\""), IsEmpty());
  EXPECT_THAT(ports("\"http://example.com:port\""), IsEmpty());
}

TEST(SandboxReferences, MatchEveryMemberWithAStar) {
  const auto table =
      table_of(R"({"connect":["config:/hooks/*/url"],"spawn":"config:/hooks/*/program"})",
               R"({"hooks":{"a":{"url":"http://a:1"},"b":{"url":"http://b:2","program":"x"},"c":{}}})");
  EXPECT_THAT(*table.connect, ElementsAre("1", "53", "2"));
  EXPECT_EQ(table.spawn, true);
}

TEST(SandboxReferences, MustBePointers) {
  for (const char* bad :
       {R"({"read":["config:x"]})", R"({"connect":["config:/"]})", R"({"spawn":"config:"})"})
    EXPECT_THROW(job::parse_sandbox(bad), job::BadSandbox) << bad;
  EXPECT_THROW(job::parse_sandbox(R"({"spawn":"yes"})"), job::BadSandbox);
}

}  // namespace
}  // namespace sluice::config
