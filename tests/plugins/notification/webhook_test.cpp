// notification.webhook: the requests that a real HTTP server receives, and the effect of its answers on the
// job.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "plugins/loaded_plugin.hpp"
#include "webhook_server.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// printf %s 'the first secret of the tests' | base64, and so on
constexpr auto secret = "whsec_dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM=";
constexpr auto next_secret = "whsec_dGhlIHNlY29uZCBzZWNyZXQgb2YgdGhlIHRlc3Rz";

constexpr auto payload =
    R"({"jobId":"it's","userId":"user-123","type":"proposal_approved","message":"Well \"done\" ☺"})";

std::string settings(const std::string& url, const std::string& more = "") {
  return R"({"webhook": {"url": ")" + url + R"(", "secret": ")" + secret + "\"" + more + "}}";
}

testing::Outcome deliver(LoadedPlugin& plugin, const std::string& id = "job-1") {
  testing::FakeJob job(payload);
  job.id(id);
  return plugin.run("notification.webhook", job);
}

testing::Outcome deliver(const std::string& config) {
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, config);
  return deliver(plugin);
}

/// For the message of a failed test.
std::string said(const testing::Outcome& outcome) {
  return outcome.code + ": " + outcome.error;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const std::string verifying = std::string(R"({"secrets": [")") + secret + R"(", ")" + next_secret + "\"]";

TEST(Webhook, PostsTheNotificationSigned) {
  const WebhookServer server(verifying + "}");
  const auto before = std::time(nullptr);
  const auto outcome = deliver(settings(server.origin() + "/hooks?from=sluice"));
  ASSERT_THAT(outcome, testing::IsDone());
  EXPECT_EQ(outcome.output, R"({"endpoint":"webhook","webhookId":"job-1","status":200})");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].json().string("method"), "POST");
  EXPECT_EQ(requests[0].json().string("path"), "/hooks?from=sluice");
  EXPECT_EQ(requests[0].header("content-type"), "application/json");
  EXPECT_EQ(requests[0].header("webhook-id"), "job-1");
  EXPECT_GE(std::stol(requests[0].header("webhook-timestamp")), before);
  EXPECT_LE(std::stol(requests[0].header("webhook-timestamp")), std::time(nullptr));
  EXPECT_EQ(requests[0].verified(), "yes no");
  EXPECT_EQ(requests[0].body(),
            R"({"type":"notification.created","timestamp":"1970-01-01T00:00:00.000Z","data":)" +
                std::string(payload) + "}");
}

TEST(Webhook, HasTheSameIdAndBodyInEachAttempt) {
  const WebhookServer server(verifying + R"(, "answers": [{"status": 503}, {"status": 204}]})");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, settings(server.origin()));
  EXPECT_EQ(deliver(plugin).result, SLUICE_RETRY);
  EXPECT_THAT(deliver(plugin), testing::IsDone());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
  EXPECT_EQ(requests[0].body(), requests[1].body());
}

// A dot would make the signed text ambiguous, and a line break would end the header.
TEST(Webhook, ReplacesAnIdWithSpecialCharactersByItsDigest) {
  const WebhookServer server(verifying + "}");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, settings(server.origin()));
  ASSERT_THAT(deliver(plugin, "a.1\r\nx: y"), testing::IsDone());
  // printf 'a.1\r\nx: y' | sha256sum
  EXPECT_EQ(server.requests().at(0).header("webhook-id"),
            "a351fb27beecf7d821e298db14dd10984841f794c7b5253fbfaba4533ea727fa");
  EXPECT_EQ(server.requests().at(0).verified(), "yes no");
}

TEST(Webhook, SignsWithEachSecretThatIsNowInTheFile) {
  const Scratch files;
  const WebhookServer server(verifying + "}");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, R"({"webhook": {"url": ")" + server.origin() +
                                               R"(", "secret_file": ")" +
                                               files.write("secrets", std::string(secret) + "\n") + "\"}}");
  ASSERT_THAT(deliver(plugin), testing::IsDone());
  files.write("secrets", std::string(next_secret) + "\r\n" + secret + "\n");
  ASSERT_THAT(deliver(plugin), testing::IsDone());
  files.write("secrets", std::string(next_secret) + "\n");
  ASSERT_THAT(deliver(plugin), testing::IsDone());
  const auto requests = server.requests();
  EXPECT_EQ(requests.at(0).verified(), "yes no");
  EXPECT_EQ(requests.at(1).verified(), "yes yes");
  EXPECT_EQ(requests.at(2).verified(), "no yes");
  files.write("secrets", "whsec_tooshort\n");
  const auto outcome = deliver(plugin);
  EXPECT_THAT(outcome, testing::Retries("secret-file"));
  EXPECT_FALSE(holds(outcome.error, "tooshort")) << outcome.error;
}

TEST(Webhook, SignsWithTheGrantedSecret) {
  const WebhookServer server(verifying + "}");
  LoadedPlugin alone(NOTIFICATION_PLUGIN, R"({"webhook": {"url": ")" + server.origin() + "\"}}",
                     {{"webhook_secret", next_secret}});
  ASSERT_THAT(deliver(alone), testing::IsDone());
  LoadedPlugin beside(NOTIFICATION_PLUGIN, settings(server.origin()), {{"webhook_secret", next_secret}});
  ASSERT_THAT(deliver(beside, "job-2"), testing::IsDone());
  const auto requests = server.requests();
  EXPECT_EQ(requests.at(0).verified(), "no yes");
  EXPECT_EQ(requests.at(1).verified(), "no yes");
}

TEST(Webhook, KeepsItsConnectionAndReconnectsIfItWasClosed) {
  const WebhookServer server(R"({"answers": [{"status": 200}, "last", {"status": 200}]})");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, settings(server.origin()));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(deliver(plugin), testing::IsDone());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].json().integer("connection"), 1);
  EXPECT_EQ(requests[1].json().integer("connection"), 1);
  EXPECT_EQ(requests[2].json().integer("connection"), 2);
}

TEST(Webhook, DoesNotWaitForTheEndOfALongAnswer) {
  const WebhookServer server(R"({"answers": ["endless"]})");
  const auto outcome = deliver(settings(server.origin(), R"(, "timeout": 60)"));
  EXPECT_THAT(outcome, testing::IsDone());
}

TEST(Webhook, IgnoresTheProxiesOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  const WebhookServer server;
  const auto outcome = deliver(settings(server.origin()));
  EXPECT_THAT(outcome, testing::IsDone());
}

TEST(Webhook, StopsWhenItIsCancelled) {
  const WebhookServer server(R"({"answers": ["hang"]})");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, settings(server.origin()));
  testing::FakeJob job(payload);
  job.cancel();
  EXPECT_THAT(plugin.run("notification.webhook", job), testing::IsCancelled());
}

TEST(Webhook, IsPostedOverHttps) {
  const WebhookServer server(R"({"tls": true})");
  const auto outcome =
      deliver(settings(server.origin("https"), R"(, "ca_file": ")" + server.ca_file() + "\""));
  EXPECT_THAT(outcome, testing::IsDone());
}

// ---- The failure table of the README ------------------------------------------------------------------

struct Failure {
  const char* name;
  const char* answer;
  std::int32_t result;
  const char* code;
  const char* words;    // a part of the error
  int retry_after = 0;  // seconds; 0: as the type's backoff says
};

void PrintTo(const Failure& failure, std::ostream* out) {
  *out << failure.name;
}

class WebhookFailure : public ::testing::TestWithParam<Failure> {};

TEST_P(WebhookFailure, EndsAsItsTableSays) {
  const Failure& failure = GetParam();
  const WebhookServer server(R"({"answers": [)" + std::string(failure.answer) + "]}");
  const auto outcome = deliver(settings(server.origin() + "/hooks/t0ken", R"(, "timeout": 30)"));
  EXPECT_EQ(outcome.result, failure.result) << said(outcome);
  EXPECT_EQ(outcome.code, failure.code) << outcome.error;
  EXPECT_TRUE(holds(outcome.error, failure.words)) << outcome.error;
  EXPECT_TRUE(holds(outcome.error, server.origin())) << outcome.error;
  EXPECT_FALSE(holds(outcome.error, "t0ken")) << outcome.error;
  EXPECT_FALSE(holds(outcome.error, secret)) << outcome.error;
  EXPECT_EQ(outcome.delay.has_value(), failure.retry_after != 0);
  EXPECT_EQ(outcome.delay.value_or(0s), std::chrono::seconds(failure.retry_after));
  EXPECT_EQ(server.requests().size(), 1U) << "an attempt is one request";
}

constexpr Failure failures[] = {
    {"MovedPermanently", R"({"status": 301, "headers": {"Location": "/elsewhere"}})", SLUICE_RETRY,
     "http-301", "redirects are not followed"},
    {"TemporaryRedirect", R"({"status": 307, "headers": {"Location": "/elsewhere"}})", SLUICE_RETRY,
     "http-307", "redirects are not followed"},
    {"BadRequest", R"({"status": 400, "body": "no\nuserId \u001b[31m\u00fc"})", SLUICE_RETRY, "http-400",
     "answered 400: no userId ?[31m??"},
    {"Unauthorized", R"({"status": 401, "body": "bad signature"})", SLUICE_RETRY, "http-401",
     "bad signature"},
    {"NotFound", R"({"status": 404, "body": "Cannot POST /hooks/t0ken"})", SLUICE_RETRY, "http-404",
     "Cannot POST ..."},
    {"RequestTimeout", R"({"status": 408})", SLUICE_RETRY, "http-408", "answered 408"},
    {"Conflict", R"({"status": 409})", SLUICE_RETRY, "http-409", "answered 409"},
    {"Unprocessable", R"({"status": 422})", SLUICE_RETRY, "http-422", "answered 422"},
    {"TooEarly", R"({"status": 425})", SLUICE_RETRY, "http-425", "answered 425"},
    {"TooManyRequests", R"({"status": 429, "headers": {"Retry-After": "7"}})", SLUICE_RETRY, "http-429",
     "answered 429", 7},
    {"RetryAfterAWeek", R"({"status": 429, "headers": {"Retry-After": "604800"}})", SLUICE_RETRY, "http-429",
     "answered 429", 86400},
    {"RetryAfterADate", R"({"status": 429, "headers": {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}})",
     SLUICE_RETRY, "http-429", "answered 429", 86400},
    {"InternalError", R"({"status": 500, "body": "trace"})", SLUICE_RETRY, "http-500", "answered 500: trace"},
    {"Unavailable", R"({"status": 503, "headers": {"Retry-After": "120"}})", SLUICE_RETRY, "http-503",
     "answered 503", 120},
    {"RetryAfterADay", R"({"status": 503, "headers": {"Retry-After": " 80000 "}})", SLUICE_RETRY, "http-503",
     "answered 503", 80000},
    {"RetryAfterThePast", R"({"status": 503, "headers": {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}})",
     SLUICE_RETRY, "http-503", "answered 503"},
    {"RetryAfterNonsense", R"({"status": 503, "headers": {"Retry-After": "soon"}})", SLUICE_RETRY, "http-503",
     "answered 503"},
    {"NoSuchStatus", R"({"status": 700})", SLUICE_RETRY, "http-protocol", "invalid for a POST"},
    {"ClosedWithoutAnAnswer", R"("close")", SLUICE_RETRY, "connection-lost", "failed: "},
    {"CutInTheAnswer", R"("cut")", SLUICE_RETRY, "connection-lost", "failed: "},
    {"NoHttp", R"("garbage")", SLUICE_RETRY, "http-protocol", "failed: "},
};
INSTANTIATE_TEST_SUITE_P(, WebhookFailure, ::testing::ValuesIn(failures),
                         [](const auto& failure) { return failure.param.name; });

// Without a role, the handler can't disable the endpoint in the database, so the job fails.
TEST(WebhookFailures, A410WithoutARoleIsPermanent) {
  const WebhookServer server(R"({"answers": [{"status": 410}]})");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, settings(server.origin()));
  testing::FakeJob job(payload);
  job.extension(SLUICE_EXTENSION_EFFECTS, nullptr);
  EXPECT_THAT(plugin.run("notification.webhook", job), testing::Fails("http-410"));
}

TEST(Webhook, DisablesAnEndpointThatAnswers410) {
  const WebhookServer server(R"({"answers": [{"status": 410, "body": "bye"}, {"status": 200}]})");
  LoadedPlugin plugin(NOTIFICATION_PLUGIN, settings(server.origin()));
  testing::FakeJob job(payload);
  const auto outcome = plugin.run("notification.webhook", job);
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_EQ(outcome.output, R"({"endpoint":"webhook","webhookId":"job-1","status":410,"disabled":true})");
  EXPECT_THAT(job, testing::Executed("SELECT sluice.disable_webhook($1, $2::bigint, $3, $4)",
                                     {"webhook", "1", "job-1", server.origin() + " answered 410: bye"}));
  EXPECT_TRUE(holds(job.logs().at(0).message, "`sluice webhooks revive webhook`"))
      << job.logs().at(0).message;
  // Webhooks created before the 410 are not posted either; those created after a revival are.
  const auto second = deliver(plugin, "job-2");
  EXPECT_EQ(second.output, R"({"endpoint":"webhook","webhookId":"job-2","disabled":true})");
  EXPECT_EQ(server.requests().size(), 1U);
  testing::FakeJob revived(
      R"({"jobId":"j","userId":7,"type":"t","message":"m","endpoint":"webhook","generation":2})");
  EXPECT_EQ(plugin.run("notification.webhook", revived).output,
            R"({"endpoint":"webhook","webhookId":"job-1","status":200})");
}

TEST(Webhook, IsPostedToItsEndpointWithAllMembersOfTheNotification) {
  const WebhookServer first;
  const WebhookServer second(verifying + "}");
  const auto endpoint = [](const WebhookServer& server) {
    return R"({"url":")" + server.origin() + R"(","secret":")" + secret + "\"}";
  };
  LoadedPlugin plugin(NOTIFICATION_PLUGIN,
                      R"({"webhooks":{"a":)" + endpoint(first) + R"(,"b":)" + endpoint(second) + "}}");
  testing::FakeJob job(
      R"({"jobId":"j","userId":"u","type":"t","message":"m","title":"T","link":"/p","data":{"price":1.10},)"
      R"("endpoint":"b","generation":3})");
  EXPECT_THAT(plugin.run("notification.webhook", job), testing::IsDone());
  EXPECT_EQ(first.requests().size(), 0U);
  EXPECT_TRUE(holds(second.requests().at(0).body(),
                    R"("data":{"jobId":"j","userId":"u","type":"t","message":"m","title":"T","link":"/p",)"
                    R"("data":{"price":1.10}}})"))
      << second.requests().at(0).body();
  EXPECT_EQ(second.requests().at(0).verified(), "yes no");
  EXPECT_EQ(deliver(plugin).code, "no-webhook");
}

TEST(WebhookFailures, ShowTheFirstBytesOfALongAnswer) {
  const WebhookServer server(R"({"answers": [{"status": 500, "body": ")" + std::string(5000, 'x') + "\"}]}");
  const auto outcome = deliver(settings(server.origin()));
  EXPECT_TRUE(holds(outcome.error, std::string(200, 'x') + "...")) << outcome.error;
  EXPECT_LT(outcome.error.size(), 300U);
}

TEST(WebhookFailures, TimeoutsAreRetried) {
  const WebhookServer server(R"({"answers": ["hang"]})");
  const auto outcome = deliver(settings(server.origin(), R"(, "timeout": 0.1)"));
  EXPECT_THAT(outcome, testing::Retries("timeout"));
}

TEST(WebhookFailures, UnknownHostsAreRetried) {
  const auto outcome = deliver(settings("https://no-such-host.invalid"));
  EXPECT_THAT(outcome, testing::Retries("dns"));
}

TEST(WebhookFailures, RefusedConnectionsAreRetried) {
  // A port that is bound and does not listen refuses connections, and no other process can get it.
  const int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(bound, reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(bound, reinterpret_cast<sockaddr*>(&address), &size);
  const auto outcome = deliver(settings("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))));
  EXPECT_THAT(outcome, testing::Retries("connect"));
  close(bound);
}

TEST(WebhookFailures, TlsErrorsAreRetried) {
  const WebhookServer plain;
  EXPECT_EQ(deliver(settings(plain.origin("https"))).code, "tls");
  const WebhookServer unknown(R"({"tls": true})");
  EXPECT_EQ(deliver(settings(unknown.origin("https"))).code, "tls-certificate");
  EXPECT_EQ(unknown.requests().size(), 0U);
}

TEST(WebhookFailures, WrongHostNamesInTheCertificateAreRetried) {
  const WebhookServer server(R"({"tls": true, "name": "other.test"})");
  const auto outcome =
      deliver(settings(server.origin("https"), R"(, "ca_file": ")" + server.ca_file() + "\""));
  EXPECT_THAT(outcome, testing::Retries("tls-certificate"));
}

TEST(WebhookFailures, UnconfiguredEndpointsAreRetried) {
  EXPECT_EQ(deliver("{}").code, "no-webhook");
}

// ---- The configuration --------------------------------------------------------------------------------

struct BadWebhook {
  const char* name;
  const char* webhook;
  const char* words;
};

void PrintTo(const BadWebhook& bad, std::ostream* out) {
  *out << bad.name;
}

class BadWebhookConfiguration : public ::testing::TestWithParam<BadWebhook> {};

TEST_P(BadWebhookConfiguration, IsRefusedWithItsPlace) {
  std::string webhook = GetParam().webhook;
  for (std::size_t at; (at = webhook.find("SECRET")) != std::string::npos;) webhook.replace(at, 6, secret);
  try {
    const LoadedPlugin plugin(NOTIFICATION_PLUGIN, R"({"webhook": )" + webhook + "}");
    FAIL() << "it started with " << webhook;
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(holds(error.what(), GetParam().words)) << error.what();
    EXPECT_FALSE(holds(error.what(), "whsec_dGhl")) << error.what();
  }
}

constexpr BadWebhook bad_webhooks[] = {
    {"NoTable", R"("https://x.test")", "/webhook: expected an object"},
    {"NoUrl", R"({"secret": "SECRET"})", "/webhook/url: expected a string"},
    {"NoHttp", R"({"url": "ftp://x.test", "secret": "SECRET"})", "/webhook/url: expected https://"},
    {"NoHost", R"({"url": "/hooks", "secret": "SECRET"})", "/webhook/url: expected https://"},
    {"Unencrypted", R"({"url": "http://127.0.0.1.test", "secret": "SECRET"})",
     "/webhook/url: http:// is not"},
    {"Password", R"({"url": "https://a:b@x.test", "secret": "SECRET"})", "/webhook/url: user and password"},
    {"NoSecret", R"({"url": "https://x.test"})", "/webhook/secret_file: no secret is set"},
    {"TwoSecrets", R"({"url": "https://x.test", "secret": "SECRET", "secret_file": "/x"})",
     "/webhook/secret_file: secret is set too"},
    {"NoFile", R"({"url": "https://x.test", "secret_file": "/no/such"})",
     "/webhook/secret_file: the file '/no/such' can't be read"},
    {"EmptyFile", R"({"url": "https://x.test", "secret_file": "/dev/null"})", "it contains no secret"},
    {"NoPrefix", R"({"url": "https://x.test", "secret": "dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM="})",
     "/webhook/secret: secret number 1 is not whsec_"},
    {"NoBase64", R"({"url": "https://x.test", "secret": "SECRET whsec_????"})", "secret number 2"},
    {"ShortSecret", R"({"url": "https://x.test", "secret": "whsec_c2hvcnQ="})", "24 to 64 bytes"},
    {"NoCaFile", R"({"url": "https://x.test", "secret": "SECRET", "ca_file": "/no/such"})",
     "/webhook/ca_file: "},
    {"ZeroTimeout", R"({"url": "https://x.test", "secret": "SECRET", "timeout": 0})", "/webhook/timeout: "},
    {"LongConnectTimeout", R"({"url": "https://x.test", "secret": "SECRET", "connect_timeout": 61})",
     "/webhook/connect_timeout: "},
};
INSTANTIATE_TEST_SUITE_P(, BadWebhookConfiguration, ::testing::ValuesIn(bad_webhooks),
                         [](const auto& bad) { return bad.param.name; });

TEST(WebhookConfiguration, AllowsHttpOnTheLoopbackAndIfConfigured) {
  EXPECT_NO_THROW(LoadedPlugin(NOTIFICATION_PLUGIN, settings("http://127.1.2.3:80")));
  EXPECT_NO_THROW(LoadedPlugin(NOTIFICATION_PLUGIN, settings("http://[::1]:80")));
  EXPECT_NO_THROW(LoadedPlugin(NOTIFICATION_PLUGIN, settings("http://10.0.0.1", R"(, "allow_http": true)")));
}

}  // namespace
}  // namespace sluice::test
