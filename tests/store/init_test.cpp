// The objects that sluice init creates, and those that it does not change.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "postgres/postgres_store.hpp"
#include "postgres/schema/migrations.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

// The SQL that prisma migrate writes for the guide's model.
constexpr const char* prisma_table = R"(
CREATE TABLE "Outbox" (
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "Outbox_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "Outbox_status_idx" ON "Outbox"("status");
CREATE INDEX "Outbox_createdAt_idx" ON "Outbox"("createdAt");
CREATE INDEX "Outbox_type_idx" ON "Outbox"("type");
CREATE INDEX "Outbox_status_createdAt_idx" ON "Outbox"("status", "createdAt");
)";

// The catalog's entries for the tables in schema public, without object numbers.
std::string catalog(TestDatabase& database) {
  std::string text;
  for (const char* sql :
       {"SELECT relname, relkind, relhastriggers, relhasrules, relacl, reloptions, relrowsecurity, "
        "relpersistence, "
        "relreplident, relhassubclass, relnatts, relchecks FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
        "a.attstorage, "
        // PostgreSQL 17 has a number here that differs for each table.
        "(SELECT array_agg(o) FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg_attver=%'), "
        "a.attacl, a.attcollation, a.attidentity, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum "
        "= "
        "a.attnum WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 3",
        "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), indisunique, indisprimary, indisvalid "
        "FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE c.relnamespace = 'public'::regnamespace "
        "ORDER BY 1",
        "SELECT conrelid::regclass, conname, contype, pg_get_constraintdef(pg_constraint.oid) FROM "
        "pg_constraint "
        "WHERE connamespace = 'public'::regnamespace ORDER BY 2",
        "SELECT tgrelid::regclass, tgname, tgisinternal FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
        "WHERE c.relnamespace = 'public'::regnamespace ORDER BY 2",
        "SELECT objoid::regclass, description FROM pg_description WHERE classoid = 'pg_class'::regclass "
        "AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"}) {
    text += database.rows(sql) + "--\n";
  }
  return text;
}

std::string side_catalog(TestDatabase& database) {
  return database.rows(
             "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage, "
             "pg_get_expr(d.adbin, d.adrelid), c.reloptions FROM pg_attribute a JOIN pg_class c ON c.oid = "
             "a.attrelid "
             "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
             "WHERE c.relnamespace = 'sluice'::regnamespace AND a.attnum > 0 ORDER BY 1, a.attnum") +
         database.rows(
             "SELECT proname, pg_get_functiondef(oid), proacl FROM pg_proc "
             "WHERE pronamespace = 'sluice'::regnamespace ORDER BY 1") +
         database.rows("SELECT version, name FROM sluice.migration ORDER BY 1") +
         database.rows("SELECT name FROM sluice.outbox");
}

std::size_t migration_count() {
  return postgres::migrations(postgres::TableName::parse("public.Outbox")).size();
}

std::string refusal(store::DeskSession& desk, bool check = false) {
  try {
    check ? desk.check_schema() : static_cast<void>(desk.init());
    return "";
  } catch (const store::Refused& error) {
    return error.what();
  }
}

postgres::PostgresOptions without_trigger(const TestDatabase& database) {
  postgres::PostgresOptions options{database.url()};
  options.wake = false;
  return options;
}

using Sentences = std::vector<std::string>;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void run_psql(const std::string& url, const std::string& script) {
  const auto path =
      std::filesystem::temp_directory_path() / ("sluice_init_" + std::to_string(getpid()) + ".sql");
  std::ofstream(path) << script;
  const std::string command = "psql -X -q -d '" + url + "' -f '" + path.string() + "' >/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::filesystem::remove(path);
}

TEST(Init, CreatesTheGuidesTableExactlyAsPrismaDoes) {
  TestDatabase prismas;
  prismas.exec(prisma_table);
  TestDatabase ours;
  postgres::open_postgres(without_trigger(ours))->desk()->init();
  EXPECT_EQ(catalog(ours), catalog(prismas));
}

TEST(Init, ChangesNothingOfAnExistingTable) {
  TestDatabase database;
  database.exec(prisma_table);
  database.exec("INSERT INTO \"Outbox\" VALUES ('a', 'noop', '{}', 'pending', now(), now(), 0)");
  const std::string before = catalog(database);
  auto desk = postgres::open_postgres(without_trigger(database))->desk();
  const auto done = desk->init();
  EXPECT_EQ(catalog(database), before);
  EXPECT_EQ(done.size(), migration_count());
  EXPECT_NO_THROW(desk->check_schema());
  EXPECT_EQ(database.value("SELECT count(*) FROM \"Outbox\""), "1");
}

TEST(Init, AddsOnlyItsTriggerToAnExistingTableAndCanRemoveIt) {
  TestDatabase database;
  database.exec(prisma_table);
  const std::string before = catalog(database);
  const std::string triggers =
      "SELECT string_agg(tgname, ',') FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = "
      "'\"Outbox\"'::regclass";
  postgres::open_postgres({database.url()})->desk()->init();
  EXPECT_EQ(database.value(triggers), "sluice_wake");
  const auto done = postgres::open_postgres(without_trigger(database))->desk()->init();
  EXPECT_EQ(done, std::vector<std::string>{"Dropped trigger sluice_wake from table \"public\".\"Outbox\"."});
  EXPECT_EQ(database.value(triggers), "");
  database.exec("VACUUM \"Outbox\"");  // resets relhastriggers
  EXPECT_EQ(catalog(database), before);
}

TEST(Init, SaysIfItMayNotCreateATrigger) {
  TestDatabase database;
  database.exec(prisma_table);
  postgres::open_postgres(without_trigger(database))->desk()->init();
  const std::string role = "guest_of_" + database.name();
  database.exec("CREATE ROLE " + role + " LOGIN; GRANT ALL ON SCHEMA sluice TO " + role +
                "; GRANT ALL ON ALL TABLES IN SCHEMA sluice TO " + role);
  const auto done = postgres::open_postgres({database.url_as(role)})->desk()->init();
  database.exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
  ASSERT_EQ(done.size(), 2U);  // the second says that the user may not call the functions
  EXPECT_TRUE(holds(done[0], "may not create a trigger on table \"public\".\"Outbox\"")) << done[0];
}

TEST(Init, LeanIndexesAreTheOnesThatClaimingNeeds) {
  TestDatabase database;
  database.exec(prisma_table);
  auto desk = postgres::open_postgres(without_trigger(database))->desk();
  desk->init();
  const char* const definitions = "SELECT indexdef FROM pg_indexes WHERE tablename = 'Outbox' ORDER BY 1";
  const std::string before = database.rows(definitions);
  EXPECT_EQ(desk->set_indexes(store::Indexes::guide), Sentences());
  EXPECT_EQ(desk->set_indexes(store::Indexes::lean),
            (Sentences{R"(Dropped index "public"."Outbox_status_idx".)",
                       R"(Dropped index "public"."Outbox_createdAt_idx".)",
                       R"(Dropped index "public"."Outbox_type_idx".)"}));
  EXPECT_EQ(database.value(
                "SELECT string_agg(indexname, ',' ORDER BY 1) FROM pg_indexes WHERE tablename = 'Outbox'"),
            "Outbox_pkey,Outbox_status_createdAt_idx");
  EXPECT_EQ(desk->set_indexes(store::Indexes::lean), Sentences());
  EXPECT_EQ(desk->set_indexes(store::Indexes::guide).size(), 3U);
  EXPECT_EQ(database.rows(definitions), before);
}

TEST(Init, RecreatesAnUnfinishedIndex) {
  TestDatabase database;
  database.exec(prisma_table);
  auto desk = postgres::open_postgres({database.url()})->desk();
  desk->init();
  database.exec("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\"Outbox_type_idx\"'::regclass");
  EXPECT_EQ(desk->set_indexes(store::Indexes::guide),
            (Sentences{R"(Created index "public"."Outbox_type_idx".)"}));
  EXPECT_EQ(database.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST(Init, ASecondTimeDoesNothing) {
  TestDatabase database;
  auto desk = postgres::open_postgres({database.url()})->desk();
  EXPECT_EQ(desk->init().size(), 2 + migration_count());
  const std::string before = catalog(database) + side_catalog(database);
  EXPECT_TRUE(desk->init().empty());
  EXPECT_EQ(catalog(database) + side_catalog(database), before);
}

TEST(Init, ThePrintedScriptHasTheSameEffectInPsql) {
  for (const char* table : {"public.Outbox", R"(public."we'ird \ ""x""")"}) {
    TestDatabase printed;
    run_psql(printed.url(), postgres::init_sql({"", table}));
    run_psql(printed.url(), postgres::init_sql({"", table}));
    TestDatabase direct;
    postgres::open_postgres({direct.url(), table})->desk()->init();
    EXPECT_EQ(catalog(printed), catalog(direct));
    EXPECT_EQ(side_catalog(printed), side_catalog(direct));
    auto desk = postgres::open_postgres({printed.url(), table})->desk();
    EXPECT_TRUE(desk->init().empty());
    EXPECT_FALSE(desk->enqueue({"noop", "{}", {}, {}}).existing);
  }
}

TEST(Init, PrintsTheRequestedIndexes) {
  TestDatabase database;
  const std::string script = postgres::init_sql({}, store::Indexes::lean);
  for (int i = 0; i < 2; ++i) run_psql(database.url(), script);
  EXPECT_EQ(database.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'Outbox'"), "2");
}

TEST(Init, NamesAColumnThatIsMissingOrHasAnotherType) {
  TestDatabase database;
  database.exec(prisma_table);
  database.exec("ALTER TABLE \"Outbox\" ALTER payload TYPE json USING payload::text::json");
  auto desk = postgres::open_postgres({database.url()})->desk();
  EXPECT_TRUE(holds(refusal(*desk), "column \"payload\" of type json, expected jsonb")) << refusal(*desk);
  database.exec("ALTER TABLE \"Outbox\" DROP COLUMN payload");
  EXPECT_TRUE(holds(refusal(*desk), "no column \"payload\"")) << refusal(*desk);
  EXPECT_EQ(database.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'"), "0");
}

TEST(Init, RefusesAViewAndAPartitionedTable) {
  TestDatabase database;
  database.exec("CREATE VIEW \"Outbox\" AS SELECT 1");
  auto desk = postgres::open_postgres({database.url()})->desk();
  EXPECT_TRUE(holds(refusal(*desk), "not an ordinary table")) << refusal(*desk);
}

TEST(Init, RefusesAnotherTableThanTheOneServed) {
  TestDatabase database;
  postgres::open_postgres({database.url()})->desk()->init();
  auto other = postgres::open_postgres({database.url(), "public.Other"})->desk();
  EXPECT_TRUE(holds(refusal(*other), R"(serves table "public"."Outbox", not "public"."Other")"))
      << refusal(*other);
  EXPECT_TRUE(holds(refusal(*other, true), "not \"public\".\"Other\"")) << refusal(*other, true);
  EXPECT_EQ(database.value("SELECT count(*) FROM pg_class WHERE relname = 'Other'"), "0");
}

TEST(Init, CheckSchemaNamesTheRemedy) {
  TestDatabase database;
  auto desk = postgres::open_postgres({database.url()})->desk();
  EXPECT_TRUE(holds(refusal(*desk, true), "run sluice init"));
  desk->init();
  EXPECT_EQ(refusal(*desk, true), "");
  database.exec("INSERT INTO sluice.migration (version, name) VALUES (99, 'later')");
  EXPECT_TRUE(holds(refusal(*desk, true), "migration 99")) << refusal(*desk, true);
  database.exec("DELETE FROM sluice.migration WHERE version > 1");
  EXPECT_TRUE(holds(refusal(*desk, true), "lacks migration 2"));
}

TEST(Init, DoesNotWaitForTheApplicationsLocks) {
  TestDatabase database;
  database.exec(prisma_table);
  database.exec("BEGIN; LOCK TABLE \"Outbox\" IN ACCESS EXCLUSIVE MODE");
  const auto done = postgres::open_postgres({database.url()})->desk()->init();
  ASSERT_EQ(done.size(), 1 + migration_count());
  EXPECT_TRUE(holds(done.back(), "is locked by another session, so trigger sluice_wake was not changed"))
      << done.back();
  database.exec("ROLLBACK");
  EXPECT_EQ(postgres::open_postgres({database.url()})->desk()->init().size(), 1U);
}

TEST(Init, ALowerCaseTableInAnotherSchemaIsServed) {
  TestDatabase database;
  database.exec("CREATE SCHEMA \"my app\"");
  auto store = postgres::open_postgres({database.url(), "my app.outbox"});
  auto desk = store->desk();
  desk->init();
  desk->check_schema();
  EXPECT_EQ(database.value("SELECT string_agg(indexname, ',' ORDER BY indexname) FROM pg_indexes "
                           "WHERE schemaname = 'my app'"),
            "outbox_createdAt_idx,outbox_pkey,outbox_status_createdAt_idx,outbox_status_idx,outbox_type_idx");
  const auto enqueued = desk->enqueue({"noop", "{}", {}, {}});
  auto care = store->care();
  auto claims = store->claims(care->enlist(runtime_info()), 0, false);
  EXPECT_EQ(ids_of(claims->claim(claim_request({"noop"}, 1), true)), std::vector<std::string>{enqueued.id});
}

}  // namespace
}  // namespace sluice::test
