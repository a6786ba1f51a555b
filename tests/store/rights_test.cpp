// The rights that init grants, and the health checks of unsuitable databases.
#include <gtest/gtest.h>

#include <algorithm>

#include "postgres/desk/health.hpp"
#include "postgres/postgres_store.hpp"
#include "support/test_database.hpp"
#include "support/test_role.hpp"

namespace sluice::postgres {
namespace {

using test::TestDatabase;
using test::TestRole;

class Rights : public ::testing::Test {
 protected:
  ~Rights() override { database.exec("DROP DATABASE IF EXISTS " + latin + " WITH (FORCE)"); }

  std::vector<std::string> init(Grants grants = {}) {
    PostgresOptions options{database.url()};
    options.grants = std::move(grants);
    return open_postgres(options)->desk()->init();
  }
  std::vector<std::string> init_for(const std::string& effect_role) {
    PostgresOptions options{database.url()};
    options.effect_roles = {effect_role};
    return open_postgres(options)->desk()->init();
  }
  HealthCheck health(const std::string& name, const std::string& url) {
    for (const auto& check : check_database({url})) {
      if (check.name == name) return check;
    }
    return {name, Health::failed, "was not looked at"};
  }

  TestDatabase database;
  const std::string latin = database.name() + "_latin1";
  TestRole worker{database, "worker"};
  TestRole app{database, "app"};
};

bool holds(const std::vector<std::string>& said, const std::string& words) {
  return std::any_of(said.begin(), said.end(),
                     [&](const auto& one) { return one.find(words) != std::string::npos; });
}

TEST_F(Rights, GrantRunGrantsAllRightsThatHealthRequires) {
  EXPECT_TRUE(holds(init({{worker.name()}, {}}), worker.name() + " may run jobs"));
  for (const auto& check : check_database({worker.url()})) {
    EXPECT_EQ(check.health, Health::good) << check.words;
  }
}

TEST_F(Rights, GrantEnqueueGrantsOnlyThatRight) {
  init({{}, {app.name()}});
  test::Session session(app.url());
  const std::string id = session.value("SELECT sluice.enqueue('a.b', unique_key => 'k')");
  EXPECT_EQ(session.value("SELECT sluice.enqueue('a.b', unique_key => 'k')"), id);
  EXPECT_THROW(session.exec("SELECT FROM sluice.unique_key"), std::runtime_error);
  EXPECT_THROW(session.exec("SELECT FROM \"Outbox\""), std::runtime_error);
}

TEST_F(Rights, NamesAMissingRole) {
  try {
    init({{"nobody_at_all"}, {}});
    FAIL();
  } catch (const Refused& error) {
    EXPECT_NE(std::string(error.what()).find("nobody_at_all"), std::string::npos) << error.what();
  }
}

TEST_F(Rights, LaterInitsGrantRightsOnNewObjects) {
  init({{worker.name()}, {}});
  EXPECT_FALSE(holds(init(), worker.name()));
  database.exec(
      "CREATE TABLE sluice.later (n int); CREATE FUNCTION sluice.later() RETURNS int LANGUAGE sql AS 'SELECT "
      "1';"
      "REVOKE EXECUTE ON FUNCTION sluice.later() FROM PUBLIC");
  EXPECT_EQ(health("rights", worker.url()).health, Health::failed);
  EXPECT_TRUE(holds(init(), worker.name() + " may use the new objects"));
  EXPECT_EQ(health("rights", worker.url()).health, Health::good);
}

TEST_F(Rights, HealthNamesEachMissingRight) {
  init({{worker.name()}, {}});
  database.exec("REVOKE EXECUTE ON FUNCTION sluice.set_wake() FROM PUBLIC, " + worker.name());
  database.exec("REVOKE UPDATE ON sluice.claim FROM " + worker.name());
  const HealthCheck check = health("rights", worker.url());
  EXPECT_EQ(check.health, Health::failed);
  EXPECT_TRUE(holds({check.words}, "EXECUTE on function sluice.set_wake()")) << check.words;
  EXPECT_TRUE(holds({check.words}, "UPDATE on table sluice.claim")) << check.words;
  EXPECT_TRUE(holds({check.words}, "sluice init --grant-run " + worker.name())) << check.words;
}

TEST_F(Rights, AMissingDeleteRightIsOnlyAWarning) {
  init({{worker.name()}, {}});
  database.exec("REVOKE DELETE ON \"Outbox\" FROM " + worker.name());
  const HealthCheck check = health("rights", worker.url());
  EXPECT_EQ(check.health, Health::warning);
  EXPECT_TRUE(holds({check.words}, "[retention]")) << check.words;
}

TEST_F(Rights, HealthWarnsOfARoleThatCanBecomeASuperuser) {
  init({{worker.name()}, {}});
  TestRole admin(database, "admin");
  database.exec("ALTER ROLE " + admin.name() + " SUPERUSER; GRANT " + admin.name() + " TO " + worker.name());
  const HealthCheck member = health("rights", worker.url());
  EXPECT_EQ(member.health, Health::warning);
  EXPECT_TRUE(holds({member.words}, "REVOKE " + admin.name() + " FROM " + worker.name())) << member.words;
  database.exec("REVOKE " + admin.name() + " FROM " + worker.name());
  EXPECT_EQ(health("rights", worker.url()).health, Health::good);
  database.exec("GRANT pg_execute_server_program TO " + worker.name());
  EXPECT_EQ(health("rights", worker.url()).health, Health::warning);
  EXPECT_EQ(health("rights", admin.url()).health, Health::warning);
}

TEST_F(Rights, HealthWarnsOfEffectsWithASuperusersRights) {
  init();
  const auto effects = [&](const std::string& role) {
    PostgresOptions options{database.url()};
    options.effect_roles = {role};
    for (const HealthCheck& check : check_database(options)) {
      if (check.name == "effects") return check;
    }
    return HealthCheck{"effects", Health::failed, "was not looked at"};
  };
  ASSERT_TRUE(holds(init_for(app.name()), "as " + app.name()));
  EXPECT_EQ(effects(app.name()).health, Health::good) << effects(app.name()).words;
  database.exec("ALTER ROLE " + app.name() + " SUPERUSER");
  EXPECT_EQ(effects(app.name()).health, Health::warning);
  EXPECT_TRUE(holds({effects(app.name()).words}, app.name() + " (by ")) << effects(app.name()).words;
}

TEST_F(Rights, HealthDetectsRowLevelSecurity) {
  init({{worker.name()}, {}});
  database.exec("ALTER TABLE \"Outbox\" ENABLE ROW LEVEL SECURITY");
  EXPECT_EQ(health("row security", worker.url()).health, Health::failed);
  EXPECT_EQ(health("row security", database.url()).health, Health::good);
}

TEST_F(Rights, HealthDetectsAConstraintThatRefusesAStatus) {
  init();
  EXPECT_EQ(health("statuses", database.url()).health, Health::good);
  database.exec(
      "ALTER TABLE \"Outbox\" ADD CONSTRAINT known CHECK (status IN ('pending', 'processing', 'done', "
      "'error'))");
  const HealthCheck check = health("statuses", database.url());
  EXPECT_EQ(check.health, Health::warning);
  EXPECT_TRUE(holds({check.words}, "scheduled (constraint known)")) << check.words;
  EXPECT_FALSE(holds({check.words}, "'done'")) << check.words;
}

TEST_F(Rights, HealthDetectsAPublicationWithoutReplicaIdentity) {
  init();
  database.exec(
      "ALTER TABLE \"Outbox\" DROP CONSTRAINT \"Outbox_pkey\"; CREATE PUBLICATION all_jobs FOR TABLE "
      "\"Outbox\"");
  const HealthCheck check = health("publication", database.url());
  EXPECT_EQ(check.health, Health::failed);
  EXPECT_TRUE(holds({check.words}, "all_jobs")) << check.words;
  database.exec("ALTER TABLE \"Outbox\" REPLICA IDENTITY FULL");
  EXPECT_EQ(health("publication", database.url()).health, Health::good);
}

TEST_F(Rights, HealthDetectsAnEncodingOtherThanUtf8) {
  init();
  EXPECT_EQ(health("encoding", database.url()).health, Health::good);
  database.exec("CREATE DATABASE " + latin +
                " TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
  const std::string url = database.url() + "&dbname=" + latin;
  open_postgres({url})->desk()->init();
  EXPECT_EQ(health("encoding", url).health, Health::warning);
}

}  // namespace
}  // namespace sluice::postgres
