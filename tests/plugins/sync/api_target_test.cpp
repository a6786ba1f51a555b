// Sending records to an API.
#include <gtest/gtest.h>

#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

std::string target_at(const HttpServer& server, const std::string& more = "") {
  return R"("kind": "api", "allow_private": true, "url": )" + quoted(server.url("/in")) + more;
}

SyncPlugin plugin_to(const std::string& target) {
  return SyncPlugin(source_at("http://127.0.0.1:1/"), target);
}

constexpr auto three =
    R"({"source": "payload", "target": "database", "data": [{"id":1,"n":12.30},{"id":2},{"id":3}]})";

TEST(SyncToApi, PostsArraysEachWithItsOwnKey) {
  const Scratch files;
  const HttpServer server(R"({"/in": [{"status": 201}]})");
  SyncPlugin sync = plugin_to(target_at(server, R"(, "batch_rows": 2, "headers": {"X-Tenant": "shop"},
      "token_file": )" + quoted(files.write("token", "s3cret"))));
  EXPECT_EQ(sync.run(three).output, R"({"records":3,"requests":2})");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].body, R"([{"id":1,"n":12.30},{"id":2}])");
  EXPECT_EQ(requests[1].body, R"([{"id":3}])");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(requests[0].headers.at("authorization"), "Bearer s3cret");
  EXPECT_EQ(requests[0].headers.at("x-tenant"), "shop");
  EXPECT_NE(requests[0].headers.at("idempotency-key"), requests[1].headers.at("idempotency-key"));
}

TEST(SyncToApi, PutsOneByOneWithTheConfiguredFields) {
  const HttpServer server(R"({"/in": [{"status": 204}]})");
  SyncPlugin sync = plugin_to(target_at(server, R"(, "method": "PUT", "one_by_one": true,
      "headers": {"Content-Type": "application/vnd.x+json"}, "fields": {"number": "/id", "price": "/n"})"));
  EXPECT_EQ(sync.run(three).output, R"({"records":3,"requests":3})");
  const auto requests = server.requests();
  EXPECT_EQ(requests.at(0).method, "PUT");
  EXPECT_EQ(requests.at(0).body, R"({"number":1,"price":12.30})");
  EXPECT_EQ(requests.at(0).headers.at("content-type"), "application/vnd.x+json");
}

TEST(SyncToApi, SendsTheSameKeysInEachAttemptOfAJobAndInNoOther) {
  const HttpServer server(R"({"/in": [{"status": 201}, {"fault": "cut", "body": "xx"}, {"status": 201}]})");
  SyncPlugin sync = plugin_to(target_at(server, R"(, "batch_rows": 2)"));
  EXPECT_EQ(sync.run(three).code, "connection-lost");  // the second batch may have arrived
  EXPECT_THAT(sync.run(three), testing::IsDone());
  EXPECT_THAT(sync.run(three, "job-2"), testing::IsDone());
  std::vector<std::string> keys;
  for (const auto& request : server.requests()) keys.push_back(request.headers.at("idempotency-key"));
  ASSERT_EQ(keys.size(), 6U);
  EXPECT_EQ(keys[0], keys[2]);
  EXPECT_EQ(keys[1], keys[3]);
  EXPECT_NE(keys[0], keys[4]);
}

TEST(SyncToApi, SendsFromAnApi) {
  const HttpServer server(R"({"/out": [{"json": [{"id":1},{"id":2}]}], "/in": [{"body": "{}"}]})");
  SyncPlugin sync(source_at(server.url("/out")), target_at(server));
  EXPECT_EQ(sync.run().output, R"({"records":2,"pages":1,"notModified":false,"requests":1})");
  EXPECT_EQ(server.requests().at(1).body, R"([{"id":1},{"id":2}])");
}

struct Refused {
  const char* name;
  const char* answer;
  std::int32_t result;
  const char* code;
};

void PrintTo(const Refused& refused, std::ostream* out) {
  *out << refused.name;
}

class SyncToApiFailure : public ::testing::TestWithParam<Refused> {};

TEST_P(SyncToApiFailure, EndsAsItsTableSays) {
  const HttpServer server(R"({"/in": [)" + std::string(GetParam().answer) + "]}");
  // Short only for the server that never answers, because the machine can be busy.
  const std::string timeout = GetParam().code == std::string("timeout") ? "0.2" : "30";
  const auto outcome = plugin_to(target_at(server, R"(, "timeout": )" + timeout)).run(three);
  EXPECT_EQ(outcome.result, GetParam().result) << said(outcome);
  EXPECT_EQ(outcome.code, GetParam().code) << outcome.error;
}

INSTANTIATE_TEST_SUITE_P(
    , SyncToApiFailure,
    ::testing::Values(Refused{"Status422", R"({"status": 422})", SLUICE_FAIL, "http-422"},
                      Refused{"Status409", R"({"status": 409})", SLUICE_FAIL, "http-409"},
                      Refused{"Status429", R"({"status": 429})", SLUICE_RETRY, "http-429"},
                      Refused{"Status500", R"({"status": 500})", SLUICE_RETRY, "http-500"},
                      Refused{"Redirect", R"({"status": 307, "headers": {"Location": "/x"}})", SLUICE_FAIL,
                              "http-307"},
                      Refused{"Closed", R"({"fault": "close"})", SLUICE_RETRY, "connection-lost"},
                      Refused{"NoAnswer", R"({"fault": "hang"})", SLUICE_RETRY, "timeout"}),
    [](const auto& refused) { return std::string(refused.param.name); });

}  // namespace
}  // namespace sluice::test
