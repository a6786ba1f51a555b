// sluice.enqueue, called as applications do.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "postgres/postgres_store.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

std::string count(TestDatabase& database) {
  return database.value("SELECT count(*) FROM \"Outbox\"");
}

TEST(Enqueue, RollsBackWithItsTransaction) {
  PostgresWorld world;
  auto& database = world.database();
  database.exec("BEGIN");
  EXPECT_NE(database.value("SELECT sluice.enqueue('noop', '{}', interval '1 min', 'key')"), "");
  database.exec("ROLLBACK");
  EXPECT_EQ(count(database), "0");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.unique_key"), "0");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.schedule"), "0");
}

TEST(Enqueue, HasDefaultsAndNamedArguments) {
  PostgresWorld world;
  auto& database = world.database();
  database.value("SELECT sluice.enqueue('noop')");
  const auto id =
      database.value("SELECT sluice.enqueue(type => 'noop', delay => '90 min', payload => '{\"a\": 1}')");
  EXPECT_EQ(world.row(id)->status, "scheduled");
  EXPECT_EQ(world.row(id)->payload, "{\"a\": 1}");
  EXPECT_TRUE(world.scheduled(id));
  const auto past = database.value("SELECT sluice.enqueue('noop', '{}', interval '-1 min')");
  EXPECT_EQ(world.row(past)->status, "pending");
  EXPECT_FALSE(world.scheduled(past));
}

TEST(Enqueue, ADelayCountsFromTheCallEvenInAnOldTransaction) {
  PostgresWorld world;
  auto& database = world.database();
  database.exec("BEGIN; SELECT pg_sleep(0.2)");
  const auto id = database.value("SELECT sluice.enqueue('noop', '{}', interval '1 hour')");
  EXPECT_EQ(database.value(
                "SELECT due >= now() + interval '1 hour 0.2 s' FROM sluice.schedule WHERE job_id = $1", {id}),
            "t");
  database.exec("COMMIT");
}

TEST(Enqueue, ConcurrentCallersWithTheSameKeyEnqueueOneJob) {
  PostgresWorld world;
  std::set<std::string> ids;
  std::mutex mutex;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        auto desk = world.store().desk();
        for (int n = 0; n < 20; ++n) {
          const auto enqueued = desk->enqueue({"noop", "{}", {}, "key" + std::to_string(n)});
          const std::lock_guard lock(mutex);
          ids.insert(enqueued.id);
        }
      });
    }
  }
  EXPECT_EQ(ids.size(), 20U);
  EXPECT_EQ(count(world.database()), "20");
}

TEST(Enqueue, ConcurrentCallersReuseADeletedJobsKeyOnce) {
  PostgresWorld world;
  for (int round = 0; round < 10; ++round) {
    world.store().desk()->enqueue({"noop", "{}", {}, "k"});
    world.database().exec("DELETE FROM \"Outbox\"");
    std::vector<std::jthread> callers;
    for (int i = 0; i < 6; ++i) {
      callers.emplace_back([&] { world.store().desk()->enqueue({"noop", "{}", {}, "k"}); });
    }
    callers.clear();
    ASSERT_EQ(count(world.database()), "1");
  }
}

TEST(Enqueue, AnExistingJobIsStillClaimedWhileTheCallerIsInItsTransaction) {
  PostgresWorld world;
  auto& database = world.database();
  const auto id = database.value("SELECT sluice.enqueue('noop', '{}', NULL, 'k')");
  database.exec("BEGIN");
  EXPECT_EQ(database.value("SELECT sluice.enqueue('noop', '{}', NULL, 'k')"), id);
  auto care = world.store().care();
  auto claims = world.store().claims(care->enlist(runtime_info()), 0, false);
  EXPECT_EQ(ids_of(claims->claim(claim_request({"noop"}, 1), true)), std::vector<std::string>{id});
  database.exec("COMMIT");
}

TEST(Enqueue, NeedsARightWhilePlainInsertsNeedNoneInSchemaSluice) {
  PostgresWorld world;
  auto& database = world.database();
  const std::string role = database.name() + "_app";
  database.exec("CREATE ROLE " + role + " LOGIN");
  database.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON \"Outbox\" TO " + role);
  {
    Session app(database.url_as(role));
    EXPECT_NO_THROW(
        app.exec("INSERT INTO \"Outbox\" VALUES ('a', 'noop', '{}', 'pending', now(), now(), 0)"));
    EXPECT_THROW(app.exec("SELECT sluice.enqueue('noop')"), std::runtime_error);
    database.exec("GRANT USAGE ON SCHEMA sluice TO " + role);
    EXPECT_THROW(app.exec("SELECT sluice.enqueue('noop')"), std::runtime_error);
    database.exec("GRANT EXECUTE ON FUNCTION sluice.enqueue TO " + role);
    EXPECT_NO_THROW(app.exec("SELECT sluice.enqueue('noop', '{}', interval '1 s', 'k')"));
  }
  database.exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST(Enqueue, WritesUtcInAnyTimeZone) {
  PostgresWorld world;
  auto& database = world.database();
  database.exec("SET timezone = 'Pacific/Kiritimati'; SET datestyle = 'SQL, DMY'");
  database.value("SELECT sluice.enqueue('noop')");
  EXPECT_EQ(database.value("SELECT count(*) FROM \"Outbox\" WHERE abs(date_part('epoch', now()) - "
                           "date_part('epoch', \"createdAt\")) < 60 AND \"updatedAt\" = \"createdAt\""),
            "1");
}

TEST(Enqueue, RefusesInvalidJson) {
  PostgresWorld world;
  EXPECT_THROW(world.store().desk()->enqueue({"noop", "{", {}, {}}), store::Refused);
  EXPECT_NO_THROW(world.store().desk()->enqueue({"noop", "null", job::Microseconds::max(), {}}));
}

}  // namespace
}  // namespace sluice::test
