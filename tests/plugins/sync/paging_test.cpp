// The paging of large APIs, each imitated by a server: the request for each page, and the recognition of the
// last.
#include <ctype.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

struct Style {
  const char* name;
  const char* more;    // of the source
  const char* routes;  // of the server
  const char* paths;   // the expected requests
  const char* rows;
};

void PrintTo(const Style& style, std::ostream* out) {
  *out << style.name;
}

/// Depending on its version, libcurl writes %3d or %3D.
std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(tolower(static_cast<unsigned char>(c)));
  return text;
}

class SyncPagingStyle : public ::testing::TestWithParam<Style> {};

TEST_P(SyncPagingStyle, IsReadToItsEnd) {
  const Style& style = GetParam();
  const HttpServer server(style.routes);
  SyncPlugin plugin(source_at(server.url("/x?limit=1"), style.more),
                    R"("kind": "database", "table": "public.item", "key": ["id"], "columns": ["id"])");
  EXPECT_EQ(plugin.rows(), style.rows);
  EXPECT_EQ(lower(server.paths()), style.paths);
}

constexpr auto one_two = R"([{"id":1},{"id":2}])";

constexpr Style styles[] = {
    {"TokenInTheBody", R"(, "paging": "token", "next": "/meta/next_cursor", "page_parameter": "cursor",
                           "records": "/items")",
     R"({"/x": [{"json": {"items": [{"id": 1}], "meta": {"next_cursor": "dXNlcjpV="}}},
                {"json": {"items": [{"id": 2}], "meta": {"next_cursor": ""}}}]})",
     "/x?limit=1 /x?limit=1&cursor=dxnlcjpv%3d", one_two},
    {"TokenThatIsANumber",
     R"(, "paging": "token", "next": "/next", "page_parameter": "after", "records": "/items")",
     R"({"/x": [{"json": {"items": [{"id": 1}], "next": 20}}, {"json": {"items": [{"id": 2}]}}]})",
     "/x?limit=1 /x?limit=1&after=20", one_two},
    {"TokenInAHeader", R"(, "paging": "token", "next_header": "X-Next-Page", "page_parameter": "page")",
     R"({"/x": [{"json": [{"id": 1}], "headers": {"x-next-page": "2"}},
                {"json": [{"id": 2}], "headers": {"x-next-page": ""}}]})",
     "/x?limit=1 /x?limit=1&page=2", one_two},
    {"TokenThatRepeats",
     R"(, "paging": "token", "next": "/next", "page_parameter": "after", "records": "/items")",
     R"({"/x": [{"json": {"items": [{"id": 1}], "next": "a"}}, {"json": {"items": [{"id": 2}], "next": "a"}}]})",
     "/x?limit=1 /x?limit=1&after=a", one_two},
    {"HasMoreAndLastId", R"(, "paging": "last", "last": "/id", "more": "/has_more",
                             "page_parameter": "starting_after", "records": "/data")",
     R"({"/x": [{"json": {"data": [{"id": 1}], "has_more": true}}, {"json": {"data": [{"id": 2}], "has_more": false}}]})",
     "/x?limit=1 /x?limit=1&starting_after=1", one_two},
    {"LastIdUntilEmpty", R"(, "paging": "last", "last": "/id", "page_parameter": "since")",
     R"({"/x": [{"json": [{"id": 1}]}, {"json": [{"id": 2}]}, {"json": []}]})",
     "/x?limit=1 /x?limit=1&since=1 /x?limit=1&since=2", one_two},
    {"PagesUntil404", R"(, "paging": "page")",
     R"({"/x": [{"json": [{"id": 1}]}, {"json": [{"id": 2}]}, {"status": 404, "json": {"detail": "Invalid page."}}]})",
     "/x?limit=1&page=1 /x?limit=1&page=2 /x?limit=1&page=3", one_two},
    {"OffsetUntil400", R"(, "paging": "offset")",
     R"({"/x": [{"json": [{"id": 1}]}, {"json": [{"id": 2}]}, {"status": 400, "body": "out of range"}]})",
     "/x?limit=1&offset=0 /x?limit=1&offset=1 /x?limit=1&offset=2", one_two},
    {"PagesUntilAShortOne", R"(, "paging": "page", "page_size": 2)",
     R"({"/x": [{"json": [{"id": 1}, {"id": 2}]}, {"json": [{"id": 3}]}]})",
     "/x?limit=1&page=1 /x?limit=1&page=2", R"([{"id":1},{"id":2},{"id":3}])"},
    {"PagesUntilTheTotal", R"(, "paging": "page", "total": "/count", "records": "/r")",
     R"({"/x": [{"json": {"r": [{"id": 1}], "count": "2"}}, {"json": {"r": [{"id": 2}], "count": 2}}]})",
     "/x?limit=1&page=1 /x?limit=1&page=2", one_two},
    {"OffsetUntilTheTotal", R"(, "paging": "offset", "total": "/total", "records": "/r")",
     R"({"/x": [{"json": {"r": [{"id": 1}], "total": 2}}, {"json": {"r": [{"id": 2}], "total": 2}}]})",
     "/x?limit=1&offset=0 /x?limit=1&offset=1", one_two},
    {"PagesWhoseLastOneRepeats", R"(, "paging": "page")",
     R"({"/x": [{"json": [{"id": 1}]}, {"json": [{"id": 2}]}, {"json": [{"id": 2}]}]})",
     "/x?limit=1&page=1 /x?limit=1&page=2 /x?limit=1&page=3", one_two},
    {"NextThatIsItself", R"(, "paging": "field", "next": "/next", "records": "/r")",
     R"({"/x?limit=1": [{"json": {"r": [{"id": 1}], "next": "/x?page=2"}}],
         "/x?page=2": [{"json": {"r": [{"id": 2}], "next": "{origin}/x?page=2"}}]})",
     "/x?limit=1 /x?page=2", one_two},
    {"NextThatLeadsBackToTheFirst", R"(, "paging": "link")",
     R"({"/x?limit=1": [{"json": [{"id": 1}], "headers": {"Link": "</x?page=2>; rel=next"}}],
         "/x?page=2": [{"json": [{"id": 2}], "headers": {"Link": "</x?limit=1>; rel=next"}}]})",
     "/x?limit=1 /x?page=2", one_two},
    {"ParameterThatTheUrlAlreadyHas", R"(, "paging": "page", "page_parameter": "limit", "page_size": 2)",
     R"({"/x": [{"json": [{"id": 1}]}]})", "/x?limit=1", R"([{"id":1}])"},
    {"NullForNoRecords", R"(, "records": "/items")", R"({"/x": [{"json": {"items": null}}]})", "/x?limit=1",
     ""},
    {"NoContent", R"(, "paging": "page")", R"({"/x": [{"json": [{"id": 1}]}, {"status": 204}]})",
     "/x?limit=1&page=1 /x?limit=1&page=2", R"([{"id":1}])"},
};
INSTANTIATE_TEST_SUITE_P(, SyncPagingStyle, ::testing::ValuesIn(styles),
                         [](const auto& style) { return style.param.name; });

TEST(SyncPaging, FollowsGraphQlConnections) {
  const HttpServer server(R"({"/graphql": [
      {"json": {"data": {"items": {"nodes": [{"id": 1}], "pageInfo": {"hasNextPage": true, "endCursor": "Y3"}}}}},
      {"json": {"data": {"items": {"nodes": [{"id": 2}], "pageInfo": {"hasNextPage": false, "endCursor": "Y4"}}}}}]})");
  SyncPlugin plugin(
      source_at(server.url("/graphql"),
                R"(, "body": {"query": "query($after: String) { items }", "variables": {"n": 50}},
          "records": "/data/items/nodes", "paging": "token", "next": "/data/items/pageInfo/endCursor",
          "more": "/data/items/pageInfo/hasNextPage", "page_parameter": "/variables/after",
          "parameters": ["/variables/region"])"),
      R"("kind": "database", "table": "public.item", "key": ["id"], "columns": ["id"])");
  EXPECT_EQ(
      plugin.rows(
          R"({"source": "api", "target": "database", "data": {"parameters": {"/variables/region": "eu"}}})"),
      one_two);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(requests[0].body,
            R"({"query":"query($after: String) { items }","variables":{"n":50,"region":"eu"}})");
  EXPECT_EQ(requests[1].body,
            R"({"query":"query($after: String) { items }","variables":{"n":50,"region":"eu","after":"Y3"}})");
}

TEST(SyncPaging, SendsAPageAndACursorInThePostedBody) {
  const HttpServer server(R"({"/search": [{"json": [{"id": 7}]}, {"json": [{"id": 8}]}, {"json": []}]})");
  SyncPlugin plugin(source_at(server.url("/search"), R"(, "body": {"paging": {"page": 99}}, "paging": "page",
          "page_parameter": "/paging/page", "cursor": "/id", "cursor_parameter": "/since")"));
  EXPECT_THAT(plugin.run(R"({"source": "api", "target": "database", "data": {"cursor": 1.50}})"),
              testing::IsDone());
  const auto requests = server.requests();
  EXPECT_EQ(requests.at(0).body, R"({"paging":{"page":1},"since":1.50})");
  EXPECT_EQ(requests.at(1).body, R"({"paging":{"page":2},"since":1.50})");
}

TEST(SyncPaging, WarnsIfAPageRepeats) {
  const HttpServer server(R"({"/x": [{"json": [{"id": 1, "name": "a"}]}]})");
  const auto outcome = SyncPlugin(source_at(server.url("/x"), R"(, "paging": "page")")).run();
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_NE(outcome.output->find("repeats the page before it"), std::string::npos) << *outcome.output;
}

TEST(SyncPaging, TreatsAnErrorAsTheEndOnlyAfterAPage) {
  const HttpServer server(R"({"/x": [{"status": 404}]})");
  EXPECT_THAT(SyncPlugin(source_at(server.url("/x"), R"(, "paging": "page")")).run(),
              testing::Fails("http-404"));
}

TEST(SyncPaging, TreatsNoErrorAsTheEndIfTheSourceIndicatedMore) {
  const HttpServer server(
      R"({"/x": [{"json": {"total": 5, "results": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}},
                                     {"status": 400, "json": {"error": "rate limit"}}]})");
  const char* paging = R"(, "paging": "page", "records": "/results", "total": "/total")";
  EXPECT_THAT(SyncPlugin(source_at(server.url("/x"), paging)).run(), testing::Fails("http-400"));
}

TEST(SyncPaging, IsRetriedIfGraphQlIsThrottled) {
  const HttpServer server(
      R"({"/x": [{"json": {"data": {"items": null}, "errors": [{"message": "Throttled"}]}}]})");
  EXPECT_THAT(SyncPlugin(source_at(server.url("/x"), R"(, "records": "/data/items")")).run(),
              testing::Retries("rate-limited"));
}

TEST(SyncPaging, WarnsOfErrorsBesideTheData) {
  const HttpServer server(
      R"({"/x": [{"json": {"data": {"items": [{"id": 1, "name": "a"}]}, "errors": [{"message": "price is hidden"}]}}]})");
  const auto outcome = SyncPlugin(source_at(server.url("/x"), R"(, "records": "/data/items")")).run();
  ASSERT_THAT(outcome, testing::IsDone());
  EXPECT_NE(outcome.output->find("price is hidden"), std::string::npos) << *outcome.output;
}

TEST(SyncPaging, HasNoLimitByDefault) {
  std::string pages;
  std::string rows;
  for (int i = 1; i <= 120; ++i) {
    const std::string record = "{\"id\":" + std::to_string(i) + "}";
    pages += (i > 1 ? ", " : "") + ("{\"json\": [" + record + "]}");
    rows += (i > 1 ? "," : "") + record;
  }
  const HttpServer server(R"({"/x": [)" + pages + R"(, {"json": []}]})");
  EXPECT_EQ(SyncPlugin(source_at(server.url("/x"), R"(, "paging": "page")")).rows(), "[" + rows + "]");
}

// ---- Forms of responses -------------------------------------------------------------------------------

struct World {
  const char* name;
  const char* answer;
  const char* rows;
};

void PrintTo(const World& world, std::ostream* out) {
  *out << world.name;
}

class SyncAnswer : public ::testing::TestWithParam<World> {};

TEST_P(SyncAnswer, IsRead) {
  const HttpServer server(R"({"/": [)" + std::string(GetParam().answer) + "]}");
  EXPECT_EQ(SyncPlugin(source_at(server.url())).rows(), GetParam().rows);
}

constexpr World answers[] = {
    {"ByteOrderMark", R"({"hex": "efbbbf5b7b226964223a317d5d"})", R"([{"id":1}])"},
    {"Utf16", R"({"hex": "fffe5b007b002200690064002200 3a0031007d005d00"})", R"([{"id":1}])"},
    {"Latin1",
     R"({"hex": "5b7b226964223a22e9227d5d", "headers": {"Content-Type": "application/json; charset=latin1"}})",
     R"([{"id":"é"}])"},
    {"NdJson", R"({"body": "{\"id\":1}\n{\"id\":2}\n", "headers": {"Content-Type": "application/x-ndjson"}})",
     R"([{"id":1},{"id":2}])"},
    {"OneLineOfNdJson", R"({"body": "{\"id\":1}\n", "headers": {"Content-Type": "application/x-ndjson"}})",
     R"([{"id":1}])"},
    {"LinesUnannounced", R"({"body": "{\"id\":1}\n{\"id\":2}\n"})", R"([{"id":1},{"id":2}])"},
    {"NoContent", R"({"status": 204})", ""},
    {"RepeatedMembers", R"({"body": "[{\"id\":1,\"id\":2}]"})", R"([{"id":2}])"},
    {"Digits", R"({"body": "[{\"id\":1.10,\"name\":{\"n\":123456789012345678901234567890.0}}]"})",
     R"([{"id":1.10,"name":{"n":123456789012345678901234567890.0}}])"},
};
INSTANTIATE_TEST_SUITE_P(, SyncAnswer, ::testing::ValuesIn(answers),
                         [](const auto& world) { return world.param.name; });

// ---- Cursors ------------------------------------------------------------------------------------------

TEST(SyncCursor, IgnoresRecordsWithoutOne) {
  const HttpServer server(
      R"({"/": [{"json": [{"id": 1, "updatedAt": "2026-01-01"}, {"id": 2, "updatedAt": null},
                                              {"id": 3}]}]})");
  SyncPlugin plugin(source_at(server.url(), R"(, "cursor": "/updatedAt", "cursor_parameter": "since")"),
                    R"("kind": "database", "table": "public.item", "key": ["id"], "columns": ["id"])");
  EXPECT_EQ(plugin.run().output, R"({"records":3,"pages":1,"notModified":false,"cursor":"2026-01-01"})");
}

TEST(SyncCursor, KeepsItsDigits) {
  const HttpServer server(
      R"({"/": [{"body": "[{\"id\":1714557600},{\"id\":1714557600.123450},{\"id\":\"17\"}]"}]})");
  SyncPlugin plugin(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "since")"),
                    R"("kind": "database", "table": "public.item", "key": ["id"], "columns": ["id"])");
  EXPECT_EQ(plugin.run().output, R"({"records":3,"pages":1,"notModified":false,"cursor":1714557600.123450})");
}

// ---- Access tokens ------------------------------------------------------------------------------------

class SyncOAuth : public ::testing::Test {
 protected:
  SyncPlugin plugin(const HttpServer& server, const std::string& more = "") const {
    return SyncPlugin(source_at(server.url("/x"), R"(, "oauth": {"token_url": )" +
                                                      quoted(server.url("/token")) +
                                                      R"(, "client_id": "shop:1", "client_secret_file": )" +
                                                      quoted(secret_) + R"(, "scope": "read")" + more + "}"));
  }
  static std::string routes(const std::string& token, const std::string& data) {
    return R"({"/token": [)" + token + R"(], "/x": [)" + data + "]}";
  }

  const Scratch files_;
  const std::string secret_ = files_.write("secret", "s3 cret\n");
};

constexpr auto record = R"({"json": [{"id": 1, "name": "a"}]})";

TEST_F(SyncOAuth, GetsATokenAndKeepsIt) {
  const HttpServer server(routes(R"({"json": {"access_token": "t0ken", "expires_in": "3600"}})", record));
  SyncPlugin sync = plugin(server);
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(server.paths(), "/token /x /x");
  const auto requests = server.requests();
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].body, "grant_type=client_credentials&scope=read");
  // shop%3A1:s3%20cret, or with %3a
  EXPECT_THAT(requests[0].headers.at("authorization"),
              ::testing::AnyOf("Basic c2hvcCUzQTE6czMlMjBjcmV0", "Basic c2hvcCUzYTE6czMlMjBjcmV0"));
  EXPECT_EQ(requests[1].headers.at("authorization"), "Bearer t0ken");
}

TEST_F(SyncOAuth, CanSendItsCredentialsInTheBody) {
  const HttpServer server(routes(R"({"json": {"access_token": "t0ken"}})", record));
  EXPECT_THAT(plugin(server, R"(, "credentials": "body", "audience": "a/b")").run(), testing::IsDone());
  EXPECT_EQ(
      lower(server.requests().at(0).body),
      "grant_type=client_credentials&scope=read&audience=a%2fb&client_id=shop%3a1&client_secret=s3%20cret");
  EXPECT_EQ(server.requests().at(0).headers.count("authorization"), 0U);
}

TEST_F(SyncOAuth, ReplacesARevokedToken) {
  const HttpServer server(
      routes(R"({"json": {"access_token": "one"}}, {"json": {"access_token": "two"}})",
             std::string(record) + R"(, {"status": 401}, )" + record + R"(, {"status": 401})"));
  SyncPlugin sync = plugin(server);
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(server.paths(), "/token /x /x /token /x");
  EXPECT_THAT(sync.run(), testing::Retries("http-401"));  // the new one is refused too
}

TEST_F(SyncOAuth, IsRetriedIfTheAccountIsRefused) {
  const HttpServer server(routes(R"({"status": 400, "json": {"error": "invalid_client", "was": "s3 cret"}},
                                     {"json": {"token": 1}}, {"body": "hello"},
                                     {"status": 429, "headers": {"Retry-After": "7"}})",
                                 record));
  SyncPlugin sync = plugin(server);
  const auto refused = sync.run();
  EXPECT_THAT(refused, testing::Retries("oauth"));
  EXPECT_NE(refused.error.find("invalid_client"), std::string::npos) << refused.error;
  EXPECT_EQ(refused.error.find("s3 cret"), std::string::npos) << refused.error;
  EXPECT_THAT(sync.run(), testing::Retries("oauth"));
  EXPECT_THAT(sync.run(), testing::Retries("oauth"));
  EXPECT_EQ(sync.run().delay, std::chrono::seconds(7));
  EXPECT_EQ(server.paths(), "/token /token /token /token");
}

// ---- Records ------------------------------------------------------------------------------------------

TEST(SyncColumns, ThatNoRecordHasAreAWarning) {
  const HttpServer server(R"({"/": [{"json": [{"id": 1}, {"id": 2}]}]})");
  testing::FakeJob job(guide_payload);
  const auto outcome = SyncPlugin(source_at(server.url())).run(job);
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_NE(outcome.output->find("none of 2 records has a value at /name"), std::string::npos)
      << *outcome.output;
  EXPECT_NE(job.logs().at(0).message.find("/name"), std::string::npos);
  EXPECT_EQ(job.logs().at(0).level, SLUICE_LOG_WARN);
  const auto strict =
      SyncPlugin(source_at(server.url()), effects_target + std::string(R"(, "on_unmapped": "fail")")).run();
  EXPECT_THAT(strict, testing::Fails("unmapped"));
}

TEST(SyncColumns, ThatARecordLacksAreNullOrRefusedIfConfigured) {
  const auto target = [](const char* absent) {
    return effects_target + std::string(R"(, "absent": ")") + absent + "\"";
  };
  const std::string payload = R"({"source": "x", "target": "database", "data": [{"id": 1}]})";
  EXPECT_EQ(SyncPlugin(source_at("http://127.0.0.1:1/"), target("keep")).rows(payload), R"([{"id":1}])");
  EXPECT_EQ(SyncPlugin(source_at("http://127.0.0.1:1/"), target("null")).rows(payload),
            R"([{"id":1,"name":null}])");
  EXPECT_THAT(SyncPlugin(source_at("http://127.0.0.1:1/"), target("fail")).run(payload),
              testing::Fails("absent-member"));
}

TEST(SyncBadRecords, AreSkippedAndListedIfConfigured) {
  const HttpServer server(
      R"({"/": [{"json": [{"id": 1, "name": "a"}, "x", {"name": "b"}, {"id": 2, "name": "c\u0000"},
                                              {"id": 3, "name": "d"}]}]})");
  testing::FakeJob job(guide_payload);
  const auto outcome =
      SyncPlugin(source_at(server.url()), effects_target + std::string(R"(, "on_bad_record": "skip")"))
          .run(job);
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_EQ(job.effects().at(0).parameters.at(0), R"([{"id":1,"name":"a"},{"id":3,"name":"d"}])");
  for (const char* words : {R"("skipped":3)", R"("code":"bad-record")", R"("code":"missing-key")",
                            R"("code":"nul-character")", "record 3 of page 1 of", R"("column":"name")"}) {
    EXPECT_NE(outcome.output->find(words), std::string::npos) << words << " in " << *outcome.output;
  }
}

}  // namespace
}  // namespace sluice::test
