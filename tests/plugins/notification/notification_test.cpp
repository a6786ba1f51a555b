// notification.send: first with a fake job, then in the whole program with a real PostgreSQL.
#include <libpq-fe.h>
#include <poll.h>

#include <memory>

#include "plugins/loaded_plugin.hpp"
#include "program/outbox.hpp"
#include "webhook_server.hpp"

namespace sluice::test {
namespace {

constexpr const char* payload =
    R"({"userId":"user-123","type":"proposal_approved","message":"Well \"done\" ☺"})";

testing::Outcome run(testing::FakeJob& job, const std::string& config = "{}") {
  return LoadedPlugin(NOTIFICATION_PLUGIN, config).run("notification.send", job);
}

TEST(Notification, StoresARowAndAnnouncesIt) {
  testing::FakeJob job(payload);
  job.id("it's");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects().size(), 2U);
  const auto& insert = job.effects()[0];
  EXPECT_EQ(
      insert.sql,
      "INSERT INTO \"sluice\".\"notification\" (job_id, user_id, type, message) VALUES ($1, $2, $3, $4)");
  EXPECT_EQ(insert.parameters[0], "it's");
  EXPECT_EQ(insert.parameters[1], "user-123");
  EXPECT_EQ(insert.parameters[2], "proposal_approved");
  EXPECT_EQ(insert.parameters[3], "Well \"done\" ☺");
  EXPECT_THAT(
      job,
      testing::Executed(
          ::testing::HasSubstr("pg_notify"),
          {"sluice_notification",
           R"({"jobId":"it's","userId":"user-123","type":"proposal_approved","message":"Well \"done\" ☺"})"}));
}

TEST(Notification, KeepsAndAnnouncesTitleLinkAndData) {
  testing::FakeJob job(
      R"({"userId":"u\n","type":"t","message":"m","title":"T","link":"/p/7\r\n","data":{"price": 1.10, "n": [null]}})");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_THAT(job,
              testing::Executed("INSERT INTO \"sluice\".\"notification\" (job_id, user_id, type, message, "
                                "title, link, data) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)",
                                {"job-1", "u", "t", "m", "T", "/p/7", R"({"price":1.10,"n":[null]})"}));
  EXPECT_EQ(job.effects()[1].parameters[1],
            R"({"jobId":"job-1","userId":"u","type":"t","message":"m","title":"T","link":"/p/7",)"
            R"("data":{"price":1.10,"n":[null]}})");
}

TEST(Notification, TreatsNullAsAbsent) {
  testing::FakeJob job(R"({"userId":"u","type":"t","message":"m","title":null,"link":null,"data":null})");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects()[0].sql.find("title"), std::string::npos) << job.effects()[0].sql;
  EXPECT_EQ(job.effects()[1].parameters[1], R"({"jobId":"job-1","userId":"u","type":"t","message":"m"})");
}

TEST(Notification, StoresForAUserWhoseIdIsANumber) {
  for (const std::string id : {"42", "-1", "18446744073709551615", "123456789012345678901234567890"}) {
    testing::FakeJob job(R"({"userId":)" + id + R"(,"type":"t","message":"m"})");
    EXPECT_THAT(run(job), testing::IsDone());
    EXPECT_EQ(job.effects()[0].parameters[1], id);
  }
}

TEST(Notification, AcceptsNumbersAsTexts) {
  testing::FakeJob job(R"({"userId":7.0,"type":404,"message":12.50,"title":1E2})");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects()[1].parameters[1],
            R"({"jobId":"job-1","userId":"7","type":"404","message":"12.50","title":"1E2"})");
}

TEST(Notification, UsesTheLastOfTwoMembersWithOneName) {
  testing::FakeJob job(R"({"userId":"a","type":"t","message":"first","userId":"b","message":"last"})");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects()[1].parameters[1], R"({"jobId":"job-1","userId":"b","type":"t","message":"last"})");
}

TEST(Notification, KeepsDataOfAnyDepthAndUsesTheLastOfTwo) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  testing::FakeJob job(R"({"userId":"u","data":"\u0000","type":"t","message":"m","data":)" + deep + "}");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects()[0].parameters[6], deep);
}

struct Long {
  const char* name;
  std::string id;
  std::string type;
  std::string message;
  std::string data;
  std::string announced;
};

void PrintTo(const Long& notice, std::ostream* out) {
  *out << notice.name;
}

class LongNotification : public ::testing::TestWithParam<Long> {};

TEST_P(LongNotification, IsAnnouncedWithTheMembersThatFit) {
  const Long& notice = GetParam();
  testing::FakeJob job(R"({"userId":"u","type":")" + notice.type + R"(","message":")" + notice.message +
                       R"(","data":")" + notice.data + "\"}");
  job.id(notice.id);
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects()[1].parameters[1], notice.announced);
}

INSTANTIATE_TEST_SUITE_P(Notification, LongNotification,
                         ::testing::Values(Long{"Message", "a", "t", std::string(8000, 'x'), "",
                                                R"({"jobId":"a","userId":"u","type":"t"})"},
                                           Long{"Data", "a", "t", "m", std::string(8000, 'x'),
                                                R"({"jobId":"a","userId":"u","type":"t"})"},
                                           Long{"TypeOfEscapedCharacters", "a",
                                                [] {
                                                  std::string type;
                                                  for (int i = 0; i < 1000; ++i) type += "\\u0001";
                                                  return type + type;
                                                }(),
                                                "m", "", R"({"jobId":"a"})"},
                                           Long{"Id", std::string(8000, 'x'), "t", "m", "", "{}"},
                                           Long{"JustFits", "a", "t", std::string(7939, 'x'), "",
                                                R"({"jobId":"a","userId":"u","type":"t","message":")" +
                                                    std::string(7939, 'x') + R"(","data":""})"},
                                           Long{"JustTooLong", "a", "t", std::string(7940, 'x'), "",
                                                R"({"jobId":"a","userId":"u","type":"t"})"}),
                         [](const auto& notice) { return std::string(notice.param.name); });

TEST(Notification, UsesTheConfiguredTableAndChannel) {
  testing::FakeJob job(payload);
  EXPECT_THAT(run(job, R"({"table":"app.My \"Table\"","channel":"news"})"), testing::IsDone());
  EXPECT_EQ(job.effects()[0].sql.find("INSERT INTO \"app\".\"My \"\"Table\"\"\" ("), 0U)
      << job.effects()[0].sql;
  EXPECT_EQ(job.effects()[1].parameters[0], "news");
}

std::string endpoint(const std::string& more = "") {
  return R"({"url":"https://x.test","secret":"whsec_dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM=")" + more + "}";
}

/// The endpoints that get a webhook job, in order.
std::string owed(const std::string& config, const std::string& of = payload) {
  testing::FakeJob job(of);
  EXPECT_THAT(run(job, config), testing::IsDone());
  std::string names;
  for (const auto& effect : job.effects()) {
    if (effect.sql == "SELECT sluice.owe_webhook($1, $2::jsonb)") names += effect.parameters[0].value() + " ";
  }
  return names;
}

TEST(Notification, OwesAWebhookIfOneIsConfigured) {
  EXPECT_EQ(owed("{}"), "");
  testing::FakeJob job(payload);
  EXPECT_THAT(run(job, R"({"webhook":)" + endpoint() + "}"), testing::IsDone());
  EXPECT_THAT(
      job,
      testing::Executed(
          "SELECT sluice.owe_webhook($1, $2::jsonb)",
          {"webhook",
           R"({"jobId":"job-1","userId":"user-123","type":"proposal_approved","message":"Well \"done\" ☺"})"}));
}

TEST(Notification, OwesAWebhookToEachEndpointThatWantsIt) {
  const std::string config = R"({"webhook":)" + endpoint() + R"(,"webhooks":{"crm":)" +
                             endpoint(R"(,"types":["invoice_*","proposal_*"])") + R"(,"vip":)" +
                             endpoint(R"(,"users":["user-1??"],"types":["*"])") + R"(,"other":)" +
                             endpoint(R"(,"users":["42"])") + "}}";
  EXPECT_EQ(owed(config), "crm vip webhook ");
  EXPECT_EQ(owed(config, R"({"userId":42,"type":"x","message":"m"})"), "other webhook ");
}

class BadConfiguration : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(BadConfiguration, IsRefusedWithItsPlace) {
  const auto [config, place] = GetParam();
  try {
    const LoadedPlugin plugin(NOTIFICATION_PLUGIN, config);
    FAIL() << "it started with " << config;
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(place), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Notification, BadConfiguration,
    ::testing::Values(
        std::pair{R"({"table":"notification"})", "/table"}, std::pair{R"({"table":".x"})", "/table"},
        std::pair{R"({"table":"x."})", "/table"}, std::pair{R"({"table":7})", "/table"},
        std::pair{R"({"channel":""})", "/channel"},
        std::pair{R"({"webhooks":{"a":{"url":"x"}}})", "/webhooks/a/url"},
        std::pair{
            R"({"webhooks":{"a":{"url":"https://x.test","secret":"whsec_dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM=","types":[]}}})",
            "/webhooks/a/types"}));

/// A row of the failure table in the README.
struct Failing {
  const char* name;
  const char* payload;
  std::int32_t result;
  const char* code;
};

class FailingNotification : public ::testing::TestWithParam<Failing> {};

TEST_P(FailingNotification, EndsAsItsTableSays) {
  testing::FakeJob job(GetParam().payload);
  if (std::string(GetParam().name) == "NoRole") job.extension(SLUICE_EXTENSION_EFFECTS, nullptr);
  const auto outcome = run(job);
  EXPECT_EQ(outcome.result, GetParam().result);
  EXPECT_EQ(outcome.code, GetParam().code) << outcome.error;
  EXPECT_THAT(job, testing::ExecutedNothing());
}

INSTANTIATE_TEST_SUITE_P(
    Notification, FailingNotification,
    ::testing::Values(
        Failing{"NoRole", payload, SLUICE_RETRY, "no-effects"},
        Failing{"NulCharacter", R"({"userId":"u","type":"t","message":"\u0000"})", SLUICE_FAIL,
                "nul-character"},
        Failing{"NulInData", R"({"userId":"u","type":"t","message":"m","data":[{"a\u0000":1}]})", SLUICE_FAIL,
                "nul-character"},
        Failing{"NoUser", R"({"type":"t","message":"m"})", SLUICE_FAIL, "bad-payload"},
        Failing{"UserIsAFraction", R"({"userId":1.5,"type":"t","message":"m"})", SLUICE_FAIL, "bad-payload"},
        Failing{"LinkIsANumber", R"({"userId":"u","type":"t","message":"m","link":1})", SLUICE_FAIL,
                "bad-payload"},
        Failing{"MessageIsABoolean", R"({"userId":"u","type":"t","message":true})", SLUICE_FAIL,
                "bad-payload"}),
    [](const auto& failing) { return std::string(failing.param.name); });

class NotificationProgram : public Outbox {
 protected:
  NotificationProgram() {
    std::filesystem::copy_file(NOTIFICATION_PLUGIN, plugins.scratch().path("notification.so"));
    database.exec("CREATE ROLE " + role_ + " NOLOGIN");
    config = scratch.write("granted.toml",
                           scratch.read("sluice.toml") + "[plugin.notification]\nrole = \"" + role_ + "\"\n");
    const Ended made = sluice({"init"});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  ~NotificationProgram() override {
    database.exec("DROP OWNED BY " + role_);
    database.exec("DROP ROLE " + role_);
  }
  void grant() {
    database.exec("GRANT INSERT ON sluice.notification TO " + role_);
    database.exec("GRANT EXECUTE ON FUNCTION sluice.owe_webhook, sluice.disable_webhook TO " + role_);
  }
  /// Configures one endpoint, and retries without a delay.
  void configure_endpoint(const std::string& name, const WebhookServer& server) {
    config =
        scratch.write("webhook.toml", scratch.read("granted.toml") + "[plugin.notification.config." + name +
                                          "]\nurl = \"" + server.origin() + "\"\nsecret = \"" + secret +
                                          "\"\n[type.\"notification.webhook\"]\nbackoff_first = \"10ms\"\n");
  }
  bool all_done() {
    return eventually([&] {
      EXPECT_TRUE(drains());
      return count("status <> 'done'") == "0";
    });
  }

  const std::string secret = "whsec_dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM=";

  const std::string role_ = "notifier_of_" + database.name();
};

TEST_F(NotificationProgram, StoresEachOnceAndNotifiesListeners) {
  grant();
  const std::unique_ptr<PGconn, decltype(&PQfinish)> listener(PQconnectdb(database.url().c_str()), &PQfinish);
  PQclear(PQexec(listener.get(), "LISTEN sluice_notification"));
  insert("a", "notification.send", payload);
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "done") << error("a");
  EXPECT_EQ(database.rows("SELECT job_id, user_id, type, message, read_at IS NULL FROM sluice.notification"),
            "a|user-123|proposal_approved|Well \"done\" ☺|t\n");
  std::unique_ptr<PGnotify, decltype(&PQfreemem)> heard(nullptr, &PQfreemem);
  EXPECT_TRUE(eventually([&] {
    PQconsumeInput(listener.get());
    heard.reset(PQnotifies(listener.get()));
    return heard != nullptr;
  }));
  EXPECT_EQ(database.value("SELECT $1::jsonb->>'message'", {heard->extra}), "Well \"done\" ☺");
}

TEST_F(NotificationProgram, DeliversTheWebhookOfEachRowAfterFailures) {
  grant();
  const WebhookServer server(
      R"({"answers": [{"status": 503}, {"status": 404}, {"status": 200}], "secrets": [")" + secret + "\"]}");
  configure_endpoint("webhook", server);
  insert("a", "notification.send", payload);
  EXPECT_TRUE(all_done());
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.notification"), "1");
  EXPECT_EQ(count("true"), "2");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE error LIKE '%answered 503%'"), "1");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
  EXPECT_EQ(requests[0].header("webhook-id"), requests[2].header("webhook-id"));
  EXPECT_EQ(requests[0].body(), requests[1].body());
  EXPECT_EQ(requests[0].verified() + requests[1].verified(), "yesyes");
  EXPECT_EQ(database.value("SELECT $1::jsonb->'data'->>'jobId'", {requests[1].body()}), "a");
}

TEST_F(NotificationProgram, StoresWhatPrismaSends) {
  grant();
  insert(
      "a", "notification.send",
      R"({"userId":42,"type":"t","message":"m","title":null,"link":"/p/7","data":{"price":1.10,"id":"9007199254740993"}})");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "done") << error("a");
  EXPECT_EQ(database.rows("SELECT user_id, title IS NULL, link, data FROM sluice.notification"),
            "42|t|/p/7|{\"id\": \"9007199254740993\", \"price\": 1.10}\n");
}

TEST_F(NotificationProgram, PostsNothingToADisabledEndpointUntilItIsRevived) {
  grant();
  const WebhookServer server(R"({"answers": [{"status": 410, "body": "no more"}, {"status": 200}]})");
  configure_endpoint("webhooks.crm", server);
  insert("a", "notification.send", payload);
  EXPECT_TRUE(all_done());
  EXPECT_EQ(
      database.rows("SELECT name, generation, disabled_at IS NOT NULL, reason FROM sluice.webhook_endpoint"),
      "crm|1|t|" + server.origin() + " answered 410: no more\n");
  insert("b", "notification.send", payload);
  EXPECT_TRUE(all_done());
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.notification"), "2");
  EXPECT_EQ(server.requests().size(), 1U);
  const Ended listed = sluice({"webhooks", "list"});
  EXPECT_THAT(listed.out,
              ::testing::ContainsRegex(
                  "ENDPOINT +DISABLED +JOB +REASON\ncrm +[^ ].* ago +.* answered 410: no more\n"));
  const Ended json = sluice({"webhooks", "list", "--json"});
  EXPECT_EQ(
      database.value("SELECT e->>'endpoint' || ' ' || (e->>'disabled_at')::timestamptz::date - current_date "
                     "FROM jsonb_array_elements($1::jsonb) e",
                     {json.out}),
      "crm 0");
  const Ended unknown = sluice({"webhooks", "revive", "other"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_EQ(unknown.err, "endpoint 'other' was not revived: it is not disabled; disabled are crm\n");
  const Ended revived = sluice({"webhooks", "revive", "crm"});
  EXPECT_EQ(revived.code, 0) << revived.err;
  EXPECT_EQ(revived.out, "revived crm\n");
  EXPECT_EQ(sluice({"webhooks", "revive", "crm"}).err,
            "endpoint 'crm' was not revived: it is not disabled; no endpoint is\n");
  EXPECT_EQ(sluice({"webhooks", "list"}).err, "no endpoint is disabled\n");
  // A late 410 of a request sent before the revival does not disable the endpoint again.
  database.exec("SELECT sluice.disable_webhook('crm', 1, 'old', 'late')");
  insert("c", "notification.send", payload);
  EXPECT_TRUE(all_done());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(database.value("SELECT $1::jsonb->'data'->>'jobId'", {requests[1].body()}), "c");
}

TEST_F(NotificationProgram, RetriesUntilItHasTheRightToInsert) {
  insert("a", "notification.send", payload);
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "error");
  EXPECT_NE(error("a").find("permission denied"), std::string::npos) << error("a");
  grant();
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(drains());
    return status("a") == "done";
  }));
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.notification"), "1");
}

}  // namespace
}  // namespace sluice::test
