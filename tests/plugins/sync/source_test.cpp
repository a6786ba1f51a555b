// The requests to an API, and the records that it returns. The target's effects show the records.
#include <gtest/gtest.h>
#include <stdlib.h>

#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

constexpr auto two = R"([{"id":1,"name":"a"},{"id":2,"name":"b"}])";

std::string route(const std::string& path, const std::string& json, const std::string& more = "") {
  return quoted(path) + R"(: [{"json": )" + json + more + "}]";
}

/// Depending on its version, libcurl writes %2b or %2B.
std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(tolower(static_cast<unsigned char>(c)));
  return text;
}

TEST(SyncSource, IsReadForTheGuidesPayload) {
  const HttpServer server("{" + route("/items", two) + "}");
  SyncPlugin plugin(source_at(server.url("/items")));
  testing::FakeJob job(R"({"source": "api", "target": "database", "data": {}})");
  EXPECT_THAT(plugin.run(job), testing::IsDone());
  ASSERT_EQ(job.effects().size(), 1U);
  EXPECT_EQ(job.effects()[0].parameters.at(0), two);
  EXPECT_NE(job.effects()[0].sql.find(R"(INSERT INTO "public"."item" )"), std::string::npos);
}

TEST(SyncSource, IsReadWithoutDataToo) {
  const HttpServer server("{" + route("/items", two) + "}");
  SyncPlugin plugin(source_at(server.url("/items")));
  const auto outcome = plugin.run(R"({"source": "api", "target": "database"})");
  EXPECT_EQ(outcome.output, R"({"records":2,"pages":1,"notModified":false})") << said(outcome);
}

TEST(SyncSource, IsNotReadIfTheRecordsAreInThePayload) {
  const HttpServer server("{}");
  SyncPlugin plugin(source_at(server.url()));
  const auto with_data = [](const std::string& data) {
    return R"({"source": "any name", "target": "database", "data": )" + data + "}";
  };
  EXPECT_EQ(plugin.rows(with_data(two)), two);
  EXPECT_EQ(plugin.rows(with_data(R"({"records": [{"id": 3, "name": "c", "other": [1]}]})")),
            R"([{"id":3,"name":"c"}])");
  EXPECT_EQ(plugin.rows(with_data(R"({"id": 4, "name": "d"})")), R"([{"id":4,"name":"d"}])");
  EXPECT_EQ(plugin.rows(with_data("[]")), "");
  EXPECT_EQ(server.paths(), "");
}

TEST(SyncSource, HasItsRecordsAtThePointer) {
  const HttpServer server("{" + route("/", R"({"data":{"items":)" + std::string(two) + "}}") + "}");
  EXPECT_EQ(SyncPlugin(source_at(server.url(), R"(, "records": "/data/items")")).rows(), two);
}

TEST(SyncSource, HasItsColumnsAtTheirPointers) {
  const HttpServer server("{" + route("/", R"([{"id":{"v":7},"tags":["x","y"],"n":12.30}])") + "}");
  SyncPlugin plugin(source_at(server.url()), R"("kind": "database", "table": "public.item", "key": ["id"],
      "columns": {"id": "/id/v", "tag": "/tags/1", "all": "/tags", "none": "/no/such", "n": "/n"})");
  EXPECT_EQ(plugin.rows(), R"([{"id":7,"tag":"y","all":["x","y"],"n":12.3}])");
}

TEST(SyncSource, GetsHeadersTokenAndAllowedParameters) {
  const Scratch files;
  const HttpServer server("{" + route("/items", two) + "}");
  SyncPlugin plugin(source_at(server.url("/items?limit=2"),
                              R"(, "headers": {"X-Tenant": "shop", "Accept": "application/vnd.x+json"},
                                  "parameters": ["region", "n"], "token_file": )" +
                                  quoted(files.write("token", "s3cret\n"))));
  EXPECT_EQ(
      plugin.rows(
          R"({"source": "api", "target": "database", "data": {"parameters": {"region": "a b&c=ä", "n": 7}}})"),
      two);
  const ReceivedRequest request = server.requests().at(0);
  EXPECT_EQ(lower(request.path), "/items?limit=2&n=7&region=a%20b%26c%3d%c3%a4");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer s3cret");
  EXPECT_EQ(request.headers.at("x-tenant"), "shop");
  EXPECT_EQ(request.headers.at("accept"), "application/vnd.x+json");
}

TEST(SyncSource, GetsATokenInAnotherHeaderAndItIsReadForEachRequest) {
  const Scratch files;
  const HttpServer server("{" + route("/", two) + "}");
  SyncPlugin plugin(source_at(server.url(), R"(, "token_header": "X-Api-Key", "token_file": )" +
                                                quoted(files.write("token", "one"))));
  EXPECT_EQ(plugin.rows(), two);
  files.write("token", "two\r\nsecond line");
  EXPECT_EQ(plugin.rows(), two);
  EXPECT_EQ(server.requests().at(0).headers.at("x-api-key"), "one");
  EXPECT_EQ(server.requests().at(1).headers.at("x-api-key"), "two");
}

TEST(SyncSource, IsNotReachedThroughTheEnvironmentsProxy) {
  const HttpServer server("{" + route("/", two) + "}");
  const HttpServer proxy("{}");
  setenv("http_proxy", proxy.url().c_str(), 1);
  EXPECT_EQ(SyncPlugin(source_at(server.url())).rows(), two);
  unsetenv("http_proxy");
  EXPECT_EQ(proxy.paths(), "");
}

TEST(SyncSource, CanCompress) {
  const HttpServer server("{" + route("/", two, R"(, "gzip": true)") + "}");
  EXPECT_EQ(SyncPlugin(source_at(server.url())).rows(), two);
  EXPECT_NE(server.requests().at(0).headers.at("accept-encoding").find("gzip"), std::string::npos);
}

TEST(SyncPaging, FollowsLinkHeaders) {
  const HttpServer server(R"({
    "/a": [{"json": [{"id":1}], "headers": {"Link": "</first>; rel=\"first\", <{origin}/b?x=1>; rel=\"next\""}}],
    "/b?x=1": [{"json": [{"id":2}], "headers": {"Link": "<c?q=a,b;c>; title=\"a, <b>\"; REL=\"last Next\""}}],
    "/c?q=a,b;c": [{"json": [{"id":3}], "headers": {"Link": "</a>; rel=prev, </no>; title=\"rel=next\""}}]})");
  EXPECT_EQ(SyncPlugin(source_at(server.url("/a"), R"(, "paging": "link")")).rows(),
            R"([{"id":1},{"id":2},{"id":3}])");
  EXPECT_EQ(server.paths(), "/a /b?x=1 /c?q=a,b;c");
}

TEST(SyncPaging, FollowsAFieldOfTheResponse) {
  const HttpServer server(R"({
    "/a": [{"json": {"data": [{"id":1}], "links": {"next": "?page=2"}}}],
    "/a?page=2": [{"json": {"data": [], "links": {"next": "{origin}/a?page=3"}}}],
    "/a?page=3": [{"json": {"data": [{"id":3}], "links": {"next": null}}}]})");
  // Without the other routes, the first one would also serve their queries.
  EXPECT_EQ(SyncPlugin(source_at(server.url("/a"),
                                 R"(, "paging": "field", "next": "/links/next", "records": "/data")"))
                .rows(),
            R"([{"id":1},{"id":3}])");
  EXPECT_EQ(server.paths(), "/a /a?page=2 /a?page=3");
}

TEST(SyncPaging, CountsPagesUntilOneIsEmpty) {
  const HttpServer server(R"({"/": [{"json": [{"id":1,"name":"a"}]}, {"json": [{"id":2}]}, {"json": []}]})");
  SyncPlugin plugin(source_at(server.url("/?limit=1"), R"(, "paging": "page", "first_page": 0)"));
  const auto outcome = plugin.run();
  EXPECT_EQ(outcome.output, R"({"records":2,"pages":3,"notModified":false})") << said(outcome);
  EXPECT_EQ(server.paths(), "/?limit=1&page=0 /?limit=1&page=1 /?limit=1&page=2");
}

TEST(SyncPaging, CountsRecordsUntilAPageIsEmpty) {
  const HttpServer server(R"({"/": [{"json": [{"id":1},{"id":2}]}, {"json": [{"id":3}]}, {"json": []}]})");
  EXPECT_EQ(SyncPlugin(source_at(server.url(), R"(, "paging": "offset", "page_parameter": "skip")")).rows(),
            R"([{"id":1},{"id":2},{"id":3}])");
  EXPECT_EQ(server.paths(), "/?skip=0 /?skip=2 /?skip=3");
}

TEST(SyncPaging, SendsNoTokenAndHeadersToOtherHosts) {
  const Scratch files;
  const HttpServer other("{" + route("/b", R"([{"id":2}])") + "}");
  const HttpServer server(R"({"/a": [{"json": [{"id":1}], "headers": {"Link": "<)" + other.url("/b") +
                          R"(>; rel=next"}}]})");
  const std::string more = R"(, "paging": "link", "headers": {"X-Key": "k"}, "token_file": )" +
                           quoted(files.write("token", "s3cret"));
  SyncPlugin strict(source_at(server.url("/a"), more));
  const auto outcome = strict.run();
  EXPECT_THAT(outcome, testing::Fails("host-not-allowed"));
  EXPECT_EQ(other.paths(), "");

  SyncPlugin lenient(
      source_at(server.url("/a"), more + R"(, "allow_hosts": [)" + quoted(other.host()) + "]"));
  EXPECT_EQ(lenient.rows(), R"([{"id":1},{"id":2}])");
  const auto headers = other.requests().at(0).headers;
  EXPECT_EQ(headers.count("authorization") + headers.count("x-key"), 0U);
}

TEST(SyncCursor, OfThePayloadIsSentAndTheNextOneIsReturned) {
  const HttpServer server("{" +
                          route("/", R"([{"id":1,"name":"a","at":"2024-01-03"},{"id":2,"at":"2024-01-05"},
                                               {"id":3,"at":"2024-01-04"}])") +
                          "}");
  SyncPlugin plugin(source_at(server.url(), R"(, "cursor": "/at", "cursor_parameter": "since")"));
  const auto outcome =
      plugin.run(R"({"source": "api", "target": "database", "data": {"cursor": "2024-01-02 +1"}})");
  EXPECT_EQ(outcome.output, R"({"records":3,"pages":1,"notModified":false,"cursor":"2024-01-05"})")
      << said(outcome);
  EXPECT_EQ(lower(server.paths()), "/?since=2024-01-02%20%2b1");
}

TEST(SyncCursor, CanBeANumberAndDoesNotChangeWithoutRecords) {
  const HttpServer server(R"({"/": [{"json": [{"id":9,"name":"a"},{"id":10}]}, {"json": []}]})");
  SyncPlugin plugin(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after")"));
  EXPECT_EQ(plugin.run().output, R"({"records":2,"pages":1,"notModified":false,"cursor":10})");
  EXPECT_EQ(plugin.run(R"({"source": "api", "target": "database", "data": {"cursor": 10}})").output,
            R"({"records":0,"pages":1,"notModified":false,"cursor":10})");
  EXPECT_EQ(server.paths(), "/ /?after=10");
}

TEST(SyncBatches, HaveALimitedSize) {
  const HttpServer server("{}");
  SyncPlugin plugin(source_at(server.url()), effects_target + std::string(R"(, "batch_rows": 2)"));
  testing::FakeJob job(R"({"source": "x", "target": "database", "data": [{"id":1},{"id":2},{"id":3}]})");
  EXPECT_THAT(plugin.run(job), testing::IsDone());
  ASSERT_EQ(job.effects().size(), 2U);
  EXPECT_EQ(job.effects()[1].parameters.at(0), R"([{"id":3}])");
}

}  // namespace
}  // namespace sluice::test
