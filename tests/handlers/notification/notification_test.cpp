// notification.send: alone against a fake job, then in the whole program with a real PostgreSQL.
#include <libpq-fe.h>
#include <poll.h>

#include <memory>

#include "handlers/loaded_plugin.hpp"
#include "runtime/outbox.hpp"
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
  EXPECT_THAT(job,
              testing::Executed("INSERT INTO \"sluice\".\"notification\" (job_id, user_id, type, message) "
                                "VALUES ($1, $2, $3, $4)",
                                {"it's", "user-123", "proposal_approved", "Well \"done\" ☺"}));
  EXPECT_THAT(
      job,
      testing::Executed(
          ::testing::HasSubstr("pg_notify"),
          {"sluice_notification",
           R"({"jobId":"it's","userId":"user-123","type":"proposal_approved","message":"Well \"done\" ☺"})"}));
}

TEST(Notification, AnnouncesALongMessageWithoutItsText) {
  testing::FakeJob job(R"({"userId":"u","type":"t","message":")" + std::string(8000, 'x') + "\"}");
  EXPECT_THAT(run(job), testing::IsDone());
  EXPECT_EQ(job.effects()[0].parameters[3]->size(), 8000U);
  EXPECT_EQ(job.effects()[1].parameters[1], R"({"jobId":"job-1","userId":"u","type":"t"})");
}

TEST(Notification, TakesItsTableAndChannelFromTheConfiguration) {
  testing::FakeJob job(payload);
  EXPECT_THAT(run(job, R"({"table":"app.My \"Table\"","channel":"news"})"), testing::IsDone());
  EXPECT_EQ(job.effects()[0].sql.find("INSERT INTO \"app\".\"My \"\"Table\"\"\" ("), 0U)
      << job.effects()[0].sql;
  EXPECT_EQ(job.effects()[1].parameters[0], "news");
}

TEST(Notification, OwesAWebhookWhereOneIsConfigured) {
  testing::FakeJob job(payload);
  run(job);
  EXPECT_THAT(job, testing::EnqueuedNothing());
  EXPECT_THAT(run(job, R"({"webhook":{"url":"https://x.test",)"
                       R"("secret":"whsec_dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM="}})"),
              testing::IsDone());
  EXPECT_EQ(job.follow_ups().size(), 1U);
  EXPECT_THAT(
      job,
      testing::Enqueued(
          "notification.webhook",
          R"({"jobId":"job-1","userId":"user-123","type":"proposal_approved","message":"Well \"done\" ☺"})"));
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

INSTANTIATE_TEST_SUITE_P(Notification, BadConfiguration,
                         ::testing::Values(std::pair{R"({"table":"notification"})", "/table"},
                                           std::pair{R"({"table":".x"})", "/table"},
                                           std::pair{R"({"table":"x."})", "/table"},
                                           std::pair{R"({"table":7})", "/table"},
                                           std::pair{R"({"channel":""})", "/channel"}));

/// The failure table of its README.
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
    ::testing::Values(Failing{"NoRole", payload, SLUICE_RETRY, "no-effects"},
                      Failing{"NulCharacter", R"({"userId":"u","type":"t","message":"\u0000"})", SLUICE_FAIL,
                              "nul-character"},
                      Failing{"NoUser", R"({"type":"t","message":"m"})", SLUICE_FAIL, "bad-payload"},
                      Failing{"MessageIsANumber", R"({"userId":"u","type":"t","message":1})", SLUICE_FAIL,
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
  void grant() { database.exec("GRANT INSERT ON sluice.notification TO " + role_); }

  const std::string role_ = "notifier_of_" + database.name();
};

TEST_F(NotificationProgram, StoresEachOnceAndTellsWhoListens) {
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

TEST_F(NotificationProgram, DeliversTheWebhookOfEachRowOverFailures) {
  grant();
  const std::string secret = "whsec_dGhlIGZpcnN0IHNlY3JldCBvZiB0aGUgdGVzdHM=";
  const WebhookServer server(R"({"answers": [{"status": 503}, {"status": 200}], "secrets": [")" + secret +
                             "\"]}");
  config = scratch.write("webhook.toml",
                         scratch.read("granted.toml") + "[plugin.notification.config.webhook]\nurl = \"" +
                             server.origin() + "\"\nsecret = \"" + secret +
                             "\"\n[type.\"notification.webhook\"]\nbackoff_first = \"10ms\"\n");
  insert("a", "notification.send", payload);
  EXPECT_TRUE(eventually([&] {
    EXPECT_TRUE(drains());
    return count("type = 'notification.webhook' AND status = 'done'") == "1";
  }));
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.notification"), "1");
  EXPECT_EQ(count("true"), "2");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE error LIKE '%answered 503%'"), "1");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
  EXPECT_EQ(requests[0].body(), requests[1].body());
  EXPECT_EQ(requests[0].verified() + requests[1].verified(), "yesyes");
  EXPECT_EQ(database.value("SELECT $1::jsonb->'data'->>'jobId'", {requests[1].body()}), "a");
}

TEST_F(NotificationProgram, WaitsForTheRightToInsert) {
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
