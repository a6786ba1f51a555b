// The failures in the table of plugins/sync/README.md that come from HTTP servers and payloads.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "support/wait.hpp"
#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

struct Failure {
  const char* name;
  const char* answer;  // of the server
  std::int32_t result;
  const char* code;
  const char* words;
  const char* more = "";  // of the source
};

void PrintTo(const Failure& failure, std::ostream* out) {
  *out << failure.name;
}

class SyncFailure : public ::testing::TestWithParam<Failure> {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite() { server_.reset(); }

  static std::unique_ptr<HttpServer> server_;  // shared, because starting it takes longer than a test
};

std::unique_ptr<HttpServer> SyncFailure::server_;

TEST_P(SyncFailure, EndsAsItsTableSays) {
  const Failure& failure = GetParam();
  const Scratch files;
  SyncPlugin plugin(source_at(server_->url("/" + std::string(failure.name) + "?key=s3cret"),
                              R"(, "token_file": )" + quoted(files.write("token", "t0ken")) + failure.more));
  testing::FakeJob job(guide_payload);
  const auto outcome = plugin.run(job);
  EXPECT_EQ(outcome.result, failure.result) << said(outcome);
  EXPECT_EQ(outcome.code, failure.code) << outcome.error;
  EXPECT_NE(outcome.error.find(failure.words), std::string::npos) << outcome.error;
  EXPECT_EQ(outcome.error.find("s3cret"), std::string::npos) << outcome.error;
  EXPECT_EQ(outcome.error.find("t0ken"), std::string::npos) << outcome.error;
  EXPECT_THAT(job, testing::ExecutedNothing());
}

constexpr Failure failures[] = {
    // Statuses.
    {"Status400", R"({"status": 400, "body": "no such field"})", SLUICE_FAIL, "http-400", "no such field"},
    {"Status401", R"({"status": 401, "body": "bad token t0ken"})", SLUICE_RETRY, "http-401",
     "check token_file"},
    {"Status403", R"({"status": 403})", SLUICE_RETRY, "http-403", "check token_file"},
    {"Status404", R"({"status": 404})", SLUICE_FAIL, "http-404",
     "/Status404 was answered with 404: an empty body"},
    {"Status408", R"({"status": 408})", SLUICE_RETRY, "http-408", "408"},
    {"Status410", R"({"status": 410})", SLUICE_FAIL, "http-410", "410"},
    {"Status425", R"({"status": 425})", SLUICE_RETRY, "http-425", "425"},
    {"Status429", R"({"status": 429})", SLUICE_RETRY, "http-429", "429"},
    {"Status500", R"({"status": 500, "body": "oh\nno"})", SLUICE_RETRY, "http-500", "oh no"},
    {"Status501", R"({"status": 501})", SLUICE_FAIL, "http-501", "501"},
    {"Status502", R"({"status": 502})", SLUICE_RETRY, "http-502", "502"},
    {"Status503", R"({"status": 503})", SLUICE_RETRY, "http-503", "503"},
    {"Status304Unasked", R"({"status": 304})", SLUICE_FAIL, "http-304", "304"},
    {"Redirect", R"({"status": 302, "headers": {"Location": "/other"}})", SLUICE_FAIL, "http-302",
     "redirects are not followed"},
    // Network and protocol errors.
    {"Closed", R"({"fault": "close"})", SLUICE_RETRY, "connection-lost", "GET http://127.0.0.1"},
    {"Cut", R"({"fault": "cut", "json": [{"id": 1}]})", SLUICE_RETRY, "connection-lost", "failed"},
    {"CutUnannounced", R"({"fault": "end", "json": [{"id": 1}]})", SLUICE_RETRY, "bad-json", "page 1 of"},
    {"NoAnswer", R"({"fault": "hang"})", SLUICE_RETRY, "timeout", "failed", R"(, "timeout": 0.2)"},
    {"SlowBody", R"({"fault": "slow", "json": [{"id": 1}]})", SLUICE_RETRY, "timeout", "failed",
     R"(, "timeout": 0.2)"},
    {"NoHttp", R"({"fault": "garbage"})", SLUICE_RETRY, "http-protocol", "failed"},
    {"NotGzip", R"({"headers": {"Content-Encoding": "gzip"}, "body": "plain"})", SLUICE_RETRY,
     "http-protocol", "failed"},
    // Bodies and records.
    {"NoJson", R"({"body": "maintenance"})", SLUICE_RETRY, "bad-json", "invalid JSON at byte 0"},
    {"Html", R"({"body": "<html><title>Sign in</title></html>"})", SLUICE_FAIL, "html-page",
     "found an HTML page with the title 'Sign in', expected JSON"},
    {"HtmlOfAnError", R"({"status": 502, "body": "<html><title>Bad gateway</title></html>"})", SLUICE_RETRY,
     "http-502", "an HTML page, 'Bad gateway'"},
    {"NullForRecordsWithErrors", R"({"json": {"items": null, "errors": [{"message": "no such shop"}]}})",
     SLUICE_FAIL, "bad-response", "no such shop", R"(, "records": "/items")"},
    {"EmptyBody", R"({"body": ""})", SLUICE_RETRY, "bad-json", "invalid JSON"},
    {"DeepJson",
     R"({"json": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]})",
     SLUICE_RETRY, "bad-json", "100 levels"},
    {"NoArray", R"({"json": {"error": "none"}})", SLUICE_FAIL, "bad-response",
     R"(begins with {"error":"none"})"},
    {"NothingAtThePointer", R"({"json": []})", SLUICE_FAIL, "bad-response", "records",
     R"(, "records": "/data")"},
    {"RecordIsText", R"({"json": [{"id": 1}, "x"]})", SLUICE_FAIL, "bad-record", "record 1 of page 1 of"},
    {"RecordWithoutKey", R"({"json": [{"name": "x"}]})", SLUICE_FAIL, "missing-key", "key column 'id'"},
    {"RecordWithNullKey", R"({"json": [{"id": null}]})", SLUICE_FAIL, "missing-key", "record 0"},
    {"NulCharacter", R"({"json": [{"id": 1, "name": "a\u0000"}]})", SLUICE_FAIL, "nul-character", "'name'"},
    {"CursorIsAnObject", R"({"json": [{"id": 1, "at": {}}]})", SLUICE_FAIL, "bad-cursor", "record 0",
     R"(, "cursor": "/at", "cursor_parameter": "since")"},
    {"CursorsOfTwoKinds", R"({"json": [{"id": 1}, {"id": "two"}]})", SLUICE_FAIL, "bad-cursor", "record 1",
     R"(, "cursor": "/id", "cursor_parameter": "since")"},
    // Limits.
    {"TooLarge", R"({"body": "[                         ]"})", SLUICE_FAIL, "too-large", "max_bytes, 20",
     R"(, "max_bytes": 20)"},
    {"Endless", R"({"fault": "endless", "body": "                                "})", SLUICE_FAIL,
     "too-large", "max_bytes", R"(, "max_bytes": 100000)"},
    {"TooLargeInAll", R"({"json": [{"id": 1}]}, {"json": [{"id": 2}]}, {"json": [{"id": 3}]})", SLUICE_FAIL,
     "too-large", "max_bytes", R"(, "max_bytes": 30, "paging": "page")"},
    {"TooManyPages",
     R"({"json": [{"id": 1}]}, {"json": [{"id": 2}]}, {"json": [{"id": 3}]}, {"json": [{"id": 4}]})",
     SLUICE_FAIL, "too-many-pages", "more than 3 pages", R"(, "max_pages": 3, "paging": "page")"},
    // Links.
    {"LinkElsewhere", R"({"json": [], "headers": {"Link": "<http://example.com/x?k=s3cret>; rel=next"}})",
     SLUICE_FAIL, "host-not-allowed", "http://example.com/x", R"(, "paging": "link")"},
    {"LinkToAnotherPort", R"({"json": [], "headers": {"Link": "<http://127.0.0.1:1/>; rel=next"}})",
     SLUICE_FAIL, "host-not-allowed", "http://127.0.0.1:1/",
     R"(, "paging": "link", "allow_hosts": ["127.0.0.1"])"},
    {"LinkToAFile", R"({"json": [], "headers": {"Link": "<file:///etc/passwd>; rel=next"}})", SLUICE_FAIL,
     "bad-next", "http or https", R"(, "paging": "link")"},
    {"LinkWithUser", R"({"json": [], "headers": {"Link": "<http://127.0.0.1@example.com/>; rel=next"}})",
     SLUICE_FAIL, "bad-next", "without a user", R"(, "paging": "link")"},
    {"LinkIsAToken", R"({"json": {"d": [], "next": "dXNlcjpV"}})", SLUICE_FAIL, "bad-next",
     "set paging to token", R"(, "paging": "field", "next": "/next", "records": "/d")"},
    {"NoIdInTheLastRecord", R"({"json": [{"id": 1}]})", SLUICE_FAIL, "bad-next", "the last record of a page",
     R"(, "paging": "last", "last": "/no", "page_parameter": "after")"},
    {"LinkIsANumber", R"({"json": {"d": [], "next": 7}})", SLUICE_FAIL, "bad-next", "a token, not a URL",
     R"(, "paging": "field", "next": "/next", "records": "/d")"},
};
void SyncFailure::SetUpTestSuite() {
  std::string routes;
  for (const Failure& failure : failures) {
    routes += (routes.empty() ? "{" : ", ") + quoted("/" + std::string(failure.name)) + ": [" +
              failure.answer + "]";
  }
  server_ = std::make_unique<HttpServer>(routes + "}");
}

INSTANTIATE_TEST_SUITE_P(, SyncFailure, ::testing::ValuesIn(failures),
                         [](const auto& failure) { return failure.param.name; });

TEST(SyncRetryAfter, IsKept) {
  const HttpServer server(R"({"/": [{"status": 429, "headers": {"Retry-After": "7"}},
                                    {"status": 503, "headers": {"Retry-After": "864000"}},
                                    {"status": 403, "headers": {"Retry-After": "72000"}},
                                    {"status": 429, "headers": {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}},
                                    {"status": 401, "headers": {"retry-after": "60"}},
                                    {"status": 503, "headers": {"Retry-After": "soon"}}]})");
  SyncPlugin plugin(source_at(server.url()));
  EXPECT_EQ(plugin.run().delay, std::chrono::seconds(7));
  EXPECT_EQ(plugin.run().delay, std::chrono::hours(24));
  EXPECT_EQ(plugin.run().delay, std::chrono::hours(20));
  EXPECT_EQ(plugin.run().delay, std::chrono::hours(24));
  EXPECT_EQ(plugin.run().delay, std::chrono::seconds(60));
  EXPECT_EQ(plugin.run().delay, std::nullopt);
}

TEST(SyncAfterAFailure, TheNextAttemptSucceeds) {
  const HttpServer server(R"({"/": [{"fault": "close"}, {"fault": "cut", "json": [{"id": 1}]},
                                    {"status": 500}, {"body": "{"}, {"json": [{"id": 1}]}]})");
  SyncPlugin plugin(source_at(server.url()));
  // libcurl itself repeats a request if a kept connection breaks, so fewer attempts can be enough.
  int attempts = 1;
  while (plugin.run().result == SLUICE_RETRY && attempts < 10) ++attempts;
  EXPECT_EQ(plugin.rows(), R"([{"id":1}])");
  EXPECT_LE(attempts, 5);
}

TEST(SyncServer, WithANameOfThisMachineIsPrivate) {
  const HttpServer server("{}");
  for (const std::string host :
       {"localhost", "127.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    const std::string url = "http://" + host + ":" + server.port() + "/";
    const auto outcome = SyncPlugin(R"("kind": "api", "url": )" + quoted(url)).run();
    EXPECT_EQ(outcome.result, SLUICE_RETRY) << host;
    EXPECT_EQ(outcome.code, "private-address") << host << ": " << outcome.error;
  }
  EXPECT_EQ(server.paths(), "");
}

TEST(SyncServer, OverTlsNeedsATrustedCertificateForItsName) {
  const char* const routes = R"({"/": [{"json": [{"id": 1}]}]})";
  const HttpServer server(routes, "localhost");
  const auto trusting = [](const HttpServer& any) { return R"(, "ca_file": )" + quoted(any.ca_file()); };
  EXPECT_EQ(SyncPlugin(source_at(server.tls_url(), trusting(server))).rows(), R"([{"id":1}])");
  const auto unknown = SyncPlugin(source_at(server.tls_url())).run();
  EXPECT_THAT(unknown, testing::Retries("tls-certificate"));
  const HttpServer other(routes, "other.example");
  const auto wrong_name = SyncPlugin(source_at(other.tls_url(), trusting(other))).run();
  EXPECT_THAT(wrong_name, testing::Retries("tls-certificate"));
  const HttpServer plain(routes);
  EXPECT_EQ(SyncPlugin(source_at(plain.tls_url())).run().code, "tls");
}

TEST(SyncServer, ThatRefusesConnectionsIsRetried) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // keeps the port from other processes
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto outcome =
      SyncPlugin(source_at("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/")).run();
  close(fd);
  EXPECT_THAT(outcome, testing::Retries("connect"));
}

TEST(SyncServer, ThatHasNoAddressIsRetried) {
  const std::string impossible(70, 'x');  // longer than a label can be, so no DNS server is asked
  const auto outcome = SyncPlugin(source_at("https://" + impossible + ".example/")).run();
  EXPECT_THAT(outcome, testing::Retries("dns"));
}

TEST(SyncCancelled, BeforeItBeginsRequestsNothing) {
  const HttpServer server(R"({"/": [{"json": []}]})");
  SyncPlugin plugin(source_at(server.url()));
  testing::FakeJob job(guide_payload);
  job.cancel();
  EXPECT_THAT(plugin.run(job), testing::IsCancelled());
  EXPECT_EQ(server.paths(), "");
}

TEST(SyncCancelled, DuringARequestStopsWaiting) {
  const HttpServer server(R"({"/": [{"fault": "hang"}]})");
  SyncPlugin plugin(source_at(server.url()));
  testing::FakeJob job(guide_payload);
  std::thread canceller([&] {
    eventually([&] { return !server.paths().empty(); });
    job.cancel();
  });
  EXPECT_THAT(plugin.run(job), testing::IsCancelled());
  canceller.join();
}

TEST(SyncSecret, ThatCannotBeReadIsRetried) {
  const Scratch files;
  const HttpServer server("{}");
  SyncPlugin plugin(source_at(server.url(), R"(, "token_file": )" + quoted(files.write("token", "x"))));
  files.write("token", "\n");
  const auto outcome = plugin.run();
  EXPECT_THAT(outcome, testing::Retries("secret-file"));
}

TEST(SyncEffects, NeedARole) {
  const HttpServer server("{}");
  SyncPlugin plugin(source_at(server.url()));
  testing::FakeJob job(guide_payload);
  job.extension(SLUICE_EXTENSION_EFFECTS, nullptr);
  const auto outcome = plugin.run(job);
  EXPECT_THAT(outcome, testing::Retries("no-effects"));
  EXPECT_EQ(server.paths(), "");  // the source is not read in vain
}

}  // namespace
}  // namespace sluice::test
