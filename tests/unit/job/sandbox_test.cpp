#include "job/sandbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::job {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Sandbox operators(const std::string& json, const std::string& declared = "") {
  return sandbox_of(parse_sandbox(json), parse_sandbox(declared));
}

std::string problem(const std::string& json) {
  try {
    parse_sandbox(json);
    return "";
  } catch (const BadSandbox& bad) {
    return bad.what();
  }
}

TEST(SandboxRights, WithoutATableThereIsNoSandbox) {
  EXPECT_FALSE(operators("").on);
  EXPECT_TRUE(operators("").any_sockets());
  EXPECT_TRUE(operators("").spawn);
}

TEST(SandboxRights, AnEmptyTableAllowsNothing) {
  EXPECT_EQ(operators("{}"), strictest_sandbox());
  EXPECT_FALSE(operators("{}").any_sockets());
}

TEST(SandboxRights, ATableAllowsWhatItLists) {
  const Sandbox sandbox =
      operators(R"({"read":["/a"],"write":["/b","/c"],"connect":["443",25],"spawn":true})");
  EXPECT_THAT(sandbox.read, ElementsAre("/a"));
  EXPECT_THAT(sandbox.write, ElementsAre("/b", "/c"));
  EXPECT_THAT(sandbox.ports, ElementsAre(443, 25));
  EXPECT_TRUE(sandbox.spawn);
  EXPECT_FALSE(sandbox.any_network);
  EXPECT_FALSE(sandbox.unix_sockets);
}

TEST(SandboxRights, ConnectMayNameUnixSockets) {
  const Sandbox sandbox = operators(R"({"connect":["unix"]})");
  EXPECT_TRUE(sandbox.unix_sockets);
  EXPECT_THAT(sandbox.ports, IsEmpty());
  EXPECT_TRUE(sandbox.any_sockets());
}

TEST(SandboxRights, ATableThatIsNotEnabledIsNoSandbox) {
  EXPECT_FALSE(operators(R"({"enabled":false,"read":["/a"]})", R"({"spawn":true})").on);
}

TEST(SandboxRights, TheOperatorsKeysReplaceThePlugins) {
  const std::string declared = R"({"read":["/a"],"connect":[443],"spawn":true})";
  EXPECT_EQ(operators("", declared), operators(declared));
  const Sandbox sandbox = operators(R"({"read":["/b"],"network":"none"})", declared);
  EXPECT_THAT(sandbox.read, ElementsAre("/b"));
  EXPECT_TRUE(sandbox.spawn);
  EXPECT_FALSE(sandbox.any_sockets()) << "network and connect are one key";
}

TEST(SandboxRights, AWrongTableIsRefusedWithTheReason) {
  EXPECT_EQ(problem("[]"), "must be a table, or a JSON object");
  EXPECT_EQ(problem(R"({"reed":[]})"),
            "has the unknown key 'reed'; known here: connect enabled network read spawn write");
  EXPECT_EQ(problem(R"({"read":"/a"})"), "'read' must be a list of absolute paths");
  EXPECT_EQ(problem(R"({"write":["a"]})"), "'write' must be a list of absolute paths, found 'a'");
  EXPECT_EQ(problem(R"({"connect":["https"]})"),
            "'connect' must be a list of TCP ports from 1 to 65535 and \"unix\", found 'https'");
  EXPECT_EQ(problem(R"({"connect":[65536]})"),
            "'connect' must be a list of TCP ports from 1 to 65535 and \"unix\", found '65536'");
  EXPECT_EQ(problem(R"({"network":"some"})"), "'network' must be \"any\" or \"none\"");
  EXPECT_EQ(problem(R"({"spawn":1})"), "'spawn' must be true or false");
  EXPECT_EQ(problem(R"({"network":"any","connect":[1]})"),
            "has 'network' and 'connect', which exclude each other; keep one");
}

TEST(SandboxRights, OlderKernelsEnforceLess) {
  const Sandbox sandbox = operators(R"({"connect":[443]})");
  EXPECT_THAT(unenforceable(sandbox, 7), IsEmpty());
  EXPECT_THAT(unenforceable(sandbox, 4), ElementsAre("signals to other processes"));
  EXPECT_THAT(unenforceable(sandbox, 2),
              ElementsAre("truncating files", "the ports of TCP", "signals to other processes"));
  EXPECT_THAT(unenforceable(sandbox, 0),
              ElementsAre("reading and writing files", "the ports of TCP", "signals to other processes"));
  EXPECT_THAT(unenforceable(operators(""), 0), IsEmpty());
  EXPECT_THAT(unenforceable(strictest_sandbox(), 5), ElementsAre("signals to other processes"));
}

}  // namespace
}  // namespace sluice::job
