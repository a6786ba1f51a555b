// Waking: producers wake idle runtimes, and must never be disturbed by it.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "postgres/postgres_store.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds at_once{0};
constexpr milliseconds long_enough{20'000};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<World>()> make;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

class Waking : public testing::TestWithParam<Kind> {
 protected:
  void add(const std::string& id) { world_->put({id, "noop", "{}", "pending", 1e9, 1e9, 0}); }

  std::unique_ptr<World> world_ = GetParam().make();
  std::unique_ptr<store::CareSession> care_ = world_->store().care();
  store::RuntimeId runtime_ = care_->enlist(runtime_info());
  std::int64_t wait(milliseconds time) { return wakes_->wait(std::chrono::steady_clock::now() + time); }
  std::unique_ptr<store::ClaimSession> wakes_ = world_->store().claims(runtime_, 0, true);
};

INSTANTIATE_TEST_SUITE_P(Stores, Waking,
                         testing::Values(Kind{"Postgres", [] { return std::make_unique<PostgresWorld>(); }},
                                         Kind{"Memory", [] { return std::make_unique<MemoryWorld>(); }}),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(Waking, IsNotifiedOfJobsWhileWanted) {
  wakes_->want(true);
  add("a");
  add("b");
  std::int64_t heard = 0;
  while (heard < 2) {
    const std::int64_t now = wait(long_enough);
    ASSERT_GT(now, 0);
    heard += now;
  }
  EXPECT_EQ(heard, 2);
  EXPECT_EQ(wait(at_once), 0);
  wakes_->want(false);
  add("c");
  EXPECT_FALSE(wait(milliseconds(50)));
}

TEST_P(Waking, IsNotifiedOfAJobDuringAWait) {
  wakes_->want(true);
  std::jthread producer([this] { add("a"); });
  EXPECT_TRUE(wait(long_enough));
}

TEST_P(Waking, AnInterruptEndsTheWait) {
  wakes_->want(true);
  std::jthread other([this] { wakes_->interrupt(); });
  EXPECT_FALSE(wait(long_enough));
  wakes_->interrupt();
  EXPECT_FALSE(wait(long_enough));
  add("a");
  EXPECT_TRUE(wait(long_enough));
}

TEST_P(Waking, EndsWithTheRuntime) {
  wakes_->want(true);
  care_->leave(runtime_, {});
  add("a");
  EXPECT_FALSE(wait(milliseconds(50)));
  wakes_->want(true);
  add("b");
  EXPECT_FALSE(wait(milliseconds(50)));
}

TEST(WakeTrigger, NotifiesWithTheCommit) {
  PostgresWorld world;
  const auto runtime = world.store().care()->enlist(runtime_info());
  const auto wakes = world.store().claims(runtime, 0, true);
  wakes->want(true);
  world.database().exec(
      R"(BEGIN; INSERT INTO "Outbox" (id, type, payload, "updatedAt") VALUES ('a', 'noop', '{}', now()))");
  EXPECT_FALSE(wakes->wait(std::chrono::steady_clock::now() + milliseconds(50)));
  world.database().exec("COMMIT");
  EXPECT_TRUE(wakes->wait(std::chrono::steady_clock::now() + long_enough));
}

TEST(WakeTrigger, WorksForProducersWithoutRightsInTheSchema) {
  PostgresWorld world;
  const auto runtime = world.store().care()->enlist(runtime_info());
  const auto wakes = world.store().claims(runtime, 0, true);
  wakes->want(true);
  TestDatabase& database = world.database();
  const std::string role = "producer_of_" + database.name();
  database.exec("CREATE ROLE " + role + " LOGIN; GRANT INSERT ON \"Outbox\" TO " + role);
  Session(database.url_as(role))
      .exec(R"(INSERT INTO "Outbox" (id, type, payload, "updatedAt") VALUES ('a', 'noop', '{}', now()))");
  database.exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
  EXPECT_TRUE(wakes->wait(std::chrono::steady_clock::now() + long_enough));
}

TEST(WakeTrigger, NeverFailsOrDelaysAnInsert) {
  PostgresWorld world;
  TestDatabase& database = world.database();
  const auto insert = [&](const std::string& id) {
    Session(database.url())
        .exec(
            "SET statement_timeout = '20s'; INSERT INTO \"Outbox\" (id, type, payload, \"updatedAt\") VALUES "
            "('" +
            id + "', 'noop', '{}', now())");
  };
  database.exec("BEGIN; UPDATE sluice.runtime SET wake = true; LOCK sluice.runtime IN EXCLUSIVE MODE");
  insert("while another session writes there");
  database.exec("ROLLBACK; ALTER TABLE sluice.runtime RENAME TO gone");
  insert("while its table is not there");
  database.exec("ALTER TABLE sluice.gone RENAME TO runtime; DROP SCHEMA sluice CASCADE");
  insert("without the schema");
  EXPECT_EQ(database.value("SELECT count(*) FROM \"Outbox\""), "3");
}

TEST(WakeTrigger, ItsSequenceCanNotBeDroppedByMistake) {
  PostgresWorld world;
  EXPECT_THROW(world.database().exec("DROP SEQUENCE sluice.wake_until"), std::runtime_error);
}

TEST(WakeTrigger, StopsNotifyingAMinuteAfterTheLastBeat) {
  PostgresWorld world;
  const auto runtime = world.store().care()->enlist(runtime_info());
  const auto wakes = world.store().claims(runtime, 0, true);
  const char* const asks = "SELECT coalesce(until > now(), false) FROM sluice.waking";
  EXPECT_EQ(world.database().value(asks), "f");
  wakes->want(true);
  EXPECT_EQ(world.database().value(asks), "t");
  world.database().exec("SELECT setval('sluice.wake_until', date_part('epoch', now())::bigint - 1)");
  world.database().exec(
      R"(INSERT INTO "Outbox" (id, type, payload, "updatedAt") VALUES ('a', 'noop', '{}', now()))");
  EXPECT_EQ(wakes->wait(std::chrono::steady_clock::now() + milliseconds(50)), 0);
  wakes->want(false);
  EXPECT_EQ(world.database().value("SELECT until IS NULL FROM sluice.waking"), "t");
}

TEST(WakeTrigger, DoesNotReachARuntimeBehindAPool) {
  PostgresWorld world;
  const auto runtime = world.store().care()->enlist(runtime_info());
  postgres::PostgresOptions pooled{world.database().url() + "&pgbouncer=true"};
  EXPECT_FALSE(postgres::open_postgres(pooled)->claims(runtime, 0, true)->want(true));
  postgres::PostgresOptions unannounced{world.database().url()};
  unannounced.wake = false;
  EXPECT_FALSE(postgres::open_postgres(unannounced)->claims(runtime, 0, true)->want(true));
  EXPECT_TRUE(world.store().claims(runtime, 0, true)->want(true));
}

}  // namespace
}  // namespace sluice::test
