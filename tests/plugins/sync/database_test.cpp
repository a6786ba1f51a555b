// Rows written through the plugin's own connection to a real PostgreSQL.
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "support/test_database.hpp"
#include "support/wait.hpp"
#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

/// All tests share a database, because creating one takes longer than a test. Each test creates its own
/// tables.
class SyncDatabase : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared_ = std::make_unique<TestDatabase>(); }
  static void TearDownTestSuite() { shared_.reset(); }

  SyncDatabase() {
    database_.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    database_.exec(
        "CREATE TABLE public.item (id int PRIMARY KEY, name text, price numeric(10,2), at timestamptz,"
        " tags text[], more json, CHECK (price >= 0))");
    database_.exec(
        "CREATE TABLE public.state (source text, target text, parameters text, cursor text, etag text,"
        " version bigint NOT NULL, updated_at timestamptz NOT NULL, PRIMARY KEY (source, target, "
        "parameters))");
  }

  std::string target(const std::string& more = "") const {
    return R"("kind": "database", "table": "public.item", "key": ["id"],
              "columns": ["id", "name", "price", "at", "tags", "more"], "url": )" +
           quoted(database_.url()) + more;
  }
  SyncPlugin plugin(const std::string& more = "") const { return inline_plugin(target(more)); }
  static SyncPlugin inline_plugin(const std::string& target) {
    return SyncPlugin(source_at("http://127.0.0.1:1/"), target);
  }
  static std::string records(const std::string& array) {
    return R"({"source": "payload", "target": "database", "data": )" + array + "}";
  }
  std::string rows(const std::string& columns = "id, name") {
    return database_.rows("SELECT " + columns + " FROM public.item ORDER BY id");
  }

  static std::unique_ptr<TestDatabase> shared_;
  TestDatabase& database_ = *shared_;
};

std::unique_ptr<TestDatabase> SyncDatabase::shared_;

TEST_F(SyncDatabase, CountsItsChangesAndChangesNothingAgain) {
  SyncPlugin sync = plugin();
  const std::string three = records(
      R"([{"id":1,"name":"a","price":12.30,"at":"2024-01-01T00:00:00Z","tags":["x","y"],"more":{"a":[1]}},
          {"id":2,"name":"b","price":"0.1"},{"id":3,"name":null}])");
  EXPECT_EQ(sync.run(three).output, R"({"records":3,"inserted":3,"updated":0,"unchanged":0})");
  EXPECT_EQ(rows("id, name, price, tags, more->'a'->>0"), "1|a|12.30|{x,y}|1\n2|b|0.10||\n3||||\n");
  const std::string before = rows("ctid, xmin");
  EXPECT_EQ(sync.run(three).output, R"({"records":3,"inserted":0,"updated":0,"unchanged":3})");
  EXPECT_EQ(rows("ctid, xmin"), before);  // no row was touched
  EXPECT_EQ(sync.run(records(R"([{"id":2,"name":"B","price":0.1},{"id":3},{"id":4,"name":"d"}])")).output,
            R"({"records":3,"inserted":1,"updated":1,"unchanged":1})");
  EXPECT_EQ(rows(), "1|a\n2|B\n3|\n4|d\n");
}

TEST_F(SyncDatabase, UsesTheLastOfTwoRecordsWithOneKey) {
  SyncPlugin sync = plugin();
  const std::string twice = records(R"([{"id":1,"name":"first"},{"id":"1","name":"last"}])");
  EXPECT_EQ(sync.run(twice).output, R"({"records":2,"inserted":1,"updated":0,"unchanged":1})");
  EXPECT_EQ(rows(), "1|last\n");
  EXPECT_EQ(sync.run(twice).output, R"({"records":2,"inserted":0,"updated":0,"unchanged":2})");
}

TEST_F(SyncDatabase, WritesAllBatchesOrNone) {
  SyncPlugin sync = plugin(R"(, "batch_rows": 2)");
  const auto outcome = sync.run(records(R"([{"id":1},{"id":2},{"id":3},{"id":4,"price":-1}])"));
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_NE(outcome.error.find(R"(record 3 of the payload's data, key {"id":4})"), std::string::npos)
      << outcome.error;
  EXPECT_EQ(rows(), "");
  EXPECT_EQ(sync.run(records(R"([{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}])")).output,
            R"({"records":5,"inserted":5,"updated":0,"unchanged":0})");
}

TEST_F(SyncDatabase, DoesNotChangeOtherColumns) {
  database_.exec("INSERT INTO public.item (id, name, price) VALUES (1, 'ours', 7)");
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.item", "key": ["id"],
                                     "columns": {"id": "/key/0", "price": "/p"}, "url": )" +
                                  quoted(database_.url()));
  EXPECT_THAT(sync.run(records(R"([{"key":[1],"p":8,"name":"theirs"}])")), testing::IsDone());
  EXPECT_EQ(rows("id, name, price"), "1|ours|8.00\n");
}

TEST_F(SyncDatabase, AcceptsUnusualNamesSeveralKeysAndNoOtherColumns) {
  database_.exec(R"(CREATE TABLE public."My ""Table" (a int, "B c" text, UNIQUE (a, "B c")))");
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.My \"Table", "key": ["a", "B c"],
                                     "columns": ["a", "B c"], "url": )" +
                                  quoted(database_.url()));
  const std::string two = records(R"([{"a":1,"B c":"x"},{"a":1,"B c":"y"}])");
  EXPECT_EQ(sync.run(two).output, R"({"records":2,"inserted":2,"updated":0,"unchanged":0})");
  EXPECT_EQ(sync.run(two).output, R"({"records":2,"inserted":0,"updated":0,"unchanged":2})");
}

TEST_F(SyncDatabase, WritesToPartitionedTables) {
  database_.exec(
      "CREATE TABLE public.part (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);"
      "CREATE TABLE public.low PARTITION OF public.part FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE public.high PARTITION OF public.part FOR VALUES FROM (10) TO (20)");
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.part", "key": ["id"],
                                     "columns": ["id", "name"], "url": )" +
                                  quoted(database_.url()));
  EXPECT_EQ(sync.run(records(R"([{"id":1,"name":"a"},{"id":11,"name":"b"}])")).output,
            R"({"records":2,"inserted":2,"updated":0,"unchanged":0})");
  EXPECT_EQ(sync.run(records(R"([{"id":1,"name":"A"},{"id":11,"name":"b"},{"id":12}])")).output,
            R"({"records":3,"inserted":1,"updated":1,"unchanged":1})");
}

TEST_F(SyncDatabase, KeepsItsConnectionAndReplacesABrokenOne) {
  SyncPlugin sync = plugin();
  const std::string connections =
      "SELECT coalesce(string_agg(pid::text, ','), '') FROM pg_stat_activity WHERE application_name = "
      "'sluice "
      "sync' AND datname = current_database()";
  EXPECT_TRUE(eventually([&] { return database_.value(connections).empty(); }));  // of earlier tests
  EXPECT_THAT(sync.run(records(R"([{"id":1}])")), testing::IsDone());
  const std::string first = database_.value(connections);
  EXPECT_THAT(sync.run(records(R"([{"id":2}])")), testing::IsDone());
  EXPECT_EQ(database_.value(connections), first);
  database_.value("SELECT pg_terminate_backend($1::int)", {first});
  EXPECT_TRUE(eventually([&] { return database_.value(connections).empty(); }));
  EXPECT_THAT(sync.run(records(R"([{"id":3}])")), testing::IsDone());
  EXPECT_EQ(rows(), "1|\n2|\n3|\n");
}

TEST_F(SyncDatabase, GivesUpOnALockAndStopsIfCancelled) {
  Session other(database_.url());
  other.exec("BEGIN");
  other.exec("LOCK TABLE public.item");
  const std::string payload = records(R"([{"id":1}])");
  const auto outcome = plugin(R"(, "lock_timeout": 0.05)").run(payload);
  EXPECT_THAT(outcome, testing::Retries("database-55P03"));
  const auto slow = plugin(R"(, "statement_timeout": 0.05)").run(payload);
  EXPECT_THAT(slow, testing::Retries("database-57014"));

  testing::FakeJob job(payload);
  const auto waiting = [&] {
    return database_.value(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice sync' AND "
               "wait_event_type = 'Lock' AND datname = current_database()") == "1";
  };
  std::thread canceller([&] {
    eventually(waiting);
    job.cancel();
  });
  EXPECT_THAT(plugin().run(job), testing::IsCancelled());
  canceller.join();
  other.exec("COMMIT");
  EXPECT_EQ(rows(), "");
}

TEST_F(SyncDatabase, StartsAtTheKeptCursor) {
  const HttpServer server(R"({"/": [{"json": [{"id":1,"name":"a"},{"id":2,"name":"b"}]},
      {"json": [{"id":3,"name":"c"}]}, {"json": [{"id":4,"name":"d\u0000"}]}, {"json": []}]})");
  SyncPlugin sync(
      source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after",
                                              "parameters": ["region"])"),
      effects_target + std::string(R"(, "state": "public.state", "url": )") + quoted(database_.url()));
  EXPECT_EQ(
      sync.run().output,
      R"({"records":2,"pages":1,"notModified":false,"inserted":2,"updated":0,"unchanged":0,"cursor":2})");
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(sync.run().result, SLUICE_FAIL);  // so the cursor does not change
  EXPECT_THAT(sync.run(), testing::IsDone());
  const auto with = [](const std::string& data) {
    return R"({"source": "api", "target": "database", "data": )" + data + "}";
  };
  EXPECT_THAT(sync.run(with(R"({"full": true})")), testing::IsDone());
  EXPECT_EQ(database_.value("SELECT cursor FROM public.state WHERE parameters = ''"),
            "3");  // unchanged, because no record came
  EXPECT_THAT(sync.run(with(R"({"cursor": 1})")), testing::IsDone());
  EXPECT_THAT(sync.run(with(R"({"parameters": {"region": "eu"}})")), testing::IsDone());
  EXPECT_EQ(server.paths(), "/ /?after=2 /?after=3 /?after=3 / /?after=1 /?region=eu");
}

// As with Google's sync tokens: 410 means that the client must start from the beginning.
TEST_F(SyncDatabase, StartsFromTheBeginningIfTheSourceForgotTheCursor) {
  for (const std::string status : {"410", "400"}) {
    database_.exec("TRUNCATE public.item, public.state");
    const HttpServer server(R"({"/": [{"json": [{"id":1,"name":"a"}]}, {"status": )" + status + R"(},
        {"json": [{"id":1,"name":"b"}, {"id":2,"name":"c"}]}, {"json": []}]})");
    SyncPlugin sync(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after")"),
                    target(R"(, "remove_missing": true, "max_removed_share": 1, "state": "public.state")"));
    EXPECT_THAT(sync.run(), testing::IsDone());
    database_.exec("INSERT INTO public.item VALUES (9, 'gone')");
    testing::FakeJob job(guide_payload);
    EXPECT_THAT(sync.run(job), testing::IsDone());
    EXPECT_THAT(job, testing::Logged("the source refused the kept cursor; starting from the beginning",
                                     {{"cursor", "1"}}));
    EXPECT_EQ(rows(), "1|b\n2|c\n");  // all records were read, so the missing one is removed
    EXPECT_THAT(sync.run(), testing::IsDone());
    EXPECT_EQ(server.paths(), "/ /?after=1 / /?after=2");
  }
}

TEST_F(SyncDatabase, FailsIfTheCursorIsNotTheReason) {
  const HttpServer server(R"({"/": [{"json": [{"id":1}]}, {"status": 400}, {"status": 400}, {"json": []}]})");
  SyncPlugin sync(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after")"),
                  target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_THAT(sync.run(), testing::Fails("http-400"));
  EXPECT_THAT(sync.run(), testing::IsDone());  // with the kept cursor
  EXPECT_EQ(server.paths(), "/ /?after=1 / /?after=1");
  const std::string own = R"({"source": "api", "target": "database", "data": {"cursor": 7}})";
  const HttpServer strict(R"({"/": [{"status": 410}]})");
  SyncPlugin asked(source_at(strict.url(), R"(, "cursor": "/id", "cursor_parameter": "after")"),
                   target(R"(, "state": "public.state")"));
  EXPECT_THAT(asked.run(own), testing::Fails("http-410"));
  EXPECT_EQ(strict.paths(), "/?after=7");
}

TEST_F(SyncDatabase, UsesTheKeptCursorOnlyWithTheSameConfiguration) {
  database_.exec("CREATE TABLE public.other (LIKE public.item INCLUDING ALL)");
  const HttpServer server(R"({"/": [{"json": [{"id":1,"at":"2026-01-01"}]}], "/b": [{"json": [{"id":2}]}]})");
  const std::string cursor = R"(, "cursor": "/id", "cursor_parameter": "after")";
  const std::string state = R"(, "state": "public.state")";
  const auto run = [&](const std::string& path, const std::string& source,
                       const std::string& table = "item") {
    const std::string usual = "public.item";
    std::string to = target(state);
    to.replace(to.find(usual), usual.size(), "public." + table);
    return SyncPlugin(source_at(server.url(path), source), to).run();
  };
  EXPECT_THAT(run("/", cursor), testing::IsDone());
  EXPECT_THAT(run("/", cursor), testing::IsDone());
  EXPECT_THAT(run("/b", cursor), testing::IsDone());
  EXPECT_THAT(run("/b", R"(, "cursor": "/name", "cursor_parameter": "after")"), testing::IsDone());
  EXPECT_THAT(run("/", R"(, "cursor": "/at", "cursor_parameter": "since")"), testing::IsDone());
  EXPECT_THAT(run("/", R"(, "cursor": "/at", "cursor_parameter": "since")"), testing::IsDone());
  EXPECT_EQ(server.paths(), "/ /?after=1 /b /b / /?since=2026-01-01");
  const auto without = run("/", "");
  ASSERT_THAT(without, testing::IsDone());
  EXPECT_EQ(without.output->find("\"cursor\""), std::string::npos) << *without.output;
  EXPECT_EQ(database_.value("SELECT cursor IS NULL FROM public.state WHERE parameters = ''"), "t");
  EXPECT_THAT(run("/", cursor), testing::IsDone());
  EXPECT_THAT(run("/", cursor, "other"), testing::IsDone());
  EXPECT_EQ(server.paths(), "/ /?after=1 /b /b / /?since=2026-01-01 / / /");
}

// Earlier versions kept no configuration.
TEST_F(SyncDatabase, UsesTheKeptCursorIfNoConfigurationWasKept) {
  const HttpServer server(R"({"/": [{"json": []}]})");
  database_.exec("INSERT INTO public.state VALUES ('api', 'database', '', '5', '\"v\"', 3, now())");
  SyncPlugin without(source_at(server.url()), target(R"(, "state": "public.state")"));
  SyncPlugin sync(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after")"),
                  target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(server.paths(), "/?after=5");
  EXPECT_EQ(database_.value("SELECT cursor FROM public.state WHERE parameters = ''"), "5");
  const auto outcome = without.run();
  EXPECT_EQ(outcome.output,
            R"({"records":0,"pages":1,"notModified":false,"inserted":0,"updated":0,"unchanged":0})");
  EXPECT_EQ(database_.value("SELECT cursor IS NULL AND etag IS NULL FROM public.state WHERE parameters = ''"),
            "t");
}

TEST_F(SyncDatabase, KeepsACursorForEachChoiceOfParameters) {
  const HttpServer server(R"({"/": [{"json": [{"id":1}]}, {"json": [{"id":2}]}]})");
  SyncPlugin sync(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after",
                                              "parameters": ["a", "b"])"),
                  target(R"(, "state": "public.state")"));
  for (const std::string parameters : {R"({"a": "1&b=2"})", R"({"a": "1", "b": "2"})"}) {
    EXPECT_EQ(
        sync.run(R"({"source": "api", "target": "database", "data": {"parameters": )" + parameters + "}}")
            .result,
        SLUICE_DONE);
  }
  EXPECT_EQ(database_.rows(
                "SELECT parameters, cursor FROM public.state WHERE parameters LIKE '{%' ORDER BY cursor"),
            "{\"a\":\"1&b=2\"}|1\n{\"a\":\"1\",\"b\":\"2\"}|2\n");
}

TEST_F(SyncDatabase, RequestsChangesWithAnEtag) {
  const HttpServer server(R"({"/": [{"json": [{"id":1,"name":"a"}], "etag": "\"v1\""},
                                    {"json": [{"id":1,"name":"a"}], "etag": "\"v1\""},
                                    {"json": [{"id":1,"name":"A"}], "etag": "\"v2\""}]})");
  SyncPlugin sync(source_at(server.url(), R"(, "etag": true)"), target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(sync.run().output, R"({"records":0,"pages":1,"notModified":true})");
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(rows(), "1|A\n");
  EXPECT_EQ(database_.value("SELECT etag FROM public.state WHERE parameters = ''"), "\"v2\"");
}

// The records of the slower of two jobs can be older than those that the faster one wrote.
TEST_F(SyncDatabase, WritesNothingIfAnotherJobWasFaster) {
  const HttpServer server(R"({"/": [{"json": [{"id":1,"name":"old"}]}]})");
  SyncPlugin sync(source_at(server.url(), R"(, "cursor": "/id", "cursor_parameter": "after")"),
                  target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  database_.exec("UPDATE public.item SET name = 'new'");
  // The job waits for the lock of the state's row, after it has read the state and before it writes it.
  Session other(database_.url());
  other.exec("BEGIN");
  other.exec("UPDATE public.state SET version = version + 1");
  testing::FakeJob job(guide_payload);
  std::thread faster([&] {
    eventually([&] {
      return database_.value(
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                 "datname = current_database()") == "1";
    });
    other.exec("COMMIT");
  });
  const auto outcome = sync.run(job);
  faster.join();
  EXPECT_THAT(outcome, testing::Retries("overtaken"));
  EXPECT_EQ(rows(), "1|new\n");
  EXPECT_THAT(sync.run(), testing::IsDone());
}

TEST_F(SyncDatabase, KeepsColumnsThatARecordDoesNotHave) {
  database_.exec("ALTER TABLE public.item ALTER name SET DEFAULT 'unnamed'");
  SyncPlugin sync = plugin();
  EXPECT_THAT(sync.run(records(R"([{"id":1,"name":"Ada","price":1}])")), testing::IsDone());
  EXPECT_EQ(
      sync.run(records(R"([{"id":1},{"id":2,"price":2},{"id":3,"name":null},{"id":4,"name":"d"}])")).output,
      R"({"records":4,"inserted":3,"updated":0,"unchanged":1})");
  EXPECT_EQ(rows("id, name, price"), "1|Ada|1.00\n2|unnamed|2.00\n3||\n4|d|\n");
  EXPECT_THAT(sync.run(records(R"([{"id":1,"price":null},{"id":2,"name":"b"}])")), testing::IsDone());
  EXPECT_EQ(rows("id, name, price"), "1|Ada|\n2|b|2.00\n3||\n4|d|\n");
  SyncPlugin nulling = plugin(R"(, "absent": "null")");
  EXPECT_THAT(nulling.run(records(R"([{"id":1}])")), testing::IsDone());
  EXPECT_EQ(rows("id, name").substr(0, 3), "1|\n");
}

TEST_F(SyncDatabase, WritesRecordsOfMoreShapesThanFitIntoOneStatement) {
  std::string columns = "id int PRIMARY KEY";
  std::string names = R"("id")";
  std::string array;
  for (int i = 0; i < 5; ++i) {
    columns += ", c" + std::to_string(i) + " int DEFAULT 7";
    names += ", \"c" + std::to_string(i) + "\"";
  }
  for (int i = 0; i < 32; ++i) {
    array += (i > 0 ? ", " : "") + ("{\"id\": " + std::to_string(i));
    for (int bit = 0; bit < 5; ++bit) {
      if ((i >> bit & 1) != 0) array += ", \"c" + std::to_string(bit) + "\": 1";
    }
    array += "}";
  }
  database_.exec("CREATE TABLE public.wide (" + columns + ")");
  SyncPlugin sync =
      inline_plugin(R"("kind": "database", "table": "public.wide", "key": ["id"], "columns": [)" + names +
                    R"(], "url": )" + quoted(database_.url()));
  EXPECT_EQ(sync.run(records("[" + array + "]")).output,
            R"({"records":32,"inserted":32,"updated":0,"unchanged":0})");
  EXPECT_EQ(database_.value(
                "SELECT count(*) FROM public.wide WHERE c0 = CASE WHEN id & 1 = 1 THEN 1 ELSE 7 END AND "
                "c4 = CASE WHEN id & 16 = 16 THEN 1 ELSE 7 END"),
            "32");
}

TEST_F(SyncDatabase, UsesNoSequenceNumbersForExistingRows) {
  database_.exec("CREATE TABLE public.numbered (number serial, id int PRIMARY KEY, name text)");
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.numbered", "key": ["id"],
                                     "columns": ["id", "name"], "url": )" +
                                  quoted(database_.url()));
  std::string array;
  for (int i = 0; i < 100; ++i)
    array += (i > 0 ? ", " : "") + ("{\"id\": " + std::to_string(i) + ", \"name\": \"a\"}");
  for (int run = 0; run < 6; ++run) EXPECT_THAT(sync.run(records("[" + array + "]")), testing::IsDone());
  EXPECT_EQ(database_.value("SELECT last_value FROM public.numbered_number_seq"), "100");
  EXPECT_THAT(sync.run(records(R"([{"id":5,"name":"b"},{"id":100}])")), testing::IsDone());
  EXPECT_EQ(database_.value("SELECT last_value FROM public.numbered_number_seq"), "101");
}

TEST_F(SyncDatabase, WritesDomainsAndIdentityColumnsInTablesWithGeneratedColumns) {
  database_.exec(
      "CREATE DOMAIN public.short AS varchar(5) NOT NULL CHECK (VALUE <> '');"
      "CREATE DOMAIN public.shorter AS public.short CHECK (length(VALUE) < 4);"
      "CREATE TABLE public.typed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code public.shorter,"
      " other public.short DEFAULT 'ours', twice int GENERATED ALWAYS AS (id * 2) STORED)");
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.typed", "key": ["id"],
                                     "columns": ["id", "code"], "url": )" +
                                  quoted(database_.url()));
  EXPECT_EQ(sync.run(records(R"([{"id":7,"code":"abc"}])")).output,
            R"({"records":1,"inserted":1,"updated":0,"unchanged":0})");
  EXPECT_EQ(sync.run(records(R"([{"id":7},{"id":8,"code":"x"}])")).output,
            R"({"records":2,"inserted":1,"updated":0,"unchanged":1})");
  EXPECT_EQ(database_.rows("SELECT * FROM public.typed ORDER BY id"), "7|abc|ours|14\n8|x|ours|16\n");
  EXPECT_THAT(sync.run(records(R"([{"id":7,"code":"abcd"}])")), testing::Fails("database-23514"));
  EXPECT_THAT(sync.run(records(R"([{"id":7,"code":"abcdef"}])")), testing::Fails("database-22001"));
}

TEST_F(SyncDatabase, KeepsTheDigitsOfNumbersInTextsAndJson) {
  database_.exec("CREATE TABLE public.digits (id numeric PRIMARY KEY, t text, j jsonb)");
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.digits", "key": ["id"],
                                     "columns": ["id", "t", "j"], "url": )" +
                                  quoted(database_.url()));
  EXPECT_THAT(sync.run(records(R"([{"id":123456789012345678901234567890,"t":1.10,"j":{"price":1.10}}])")),
              testing::IsDone());
  EXPECT_EQ(database_.rows("SELECT * FROM public.digits"),
            "123456789012345678901234567890|1.10|{\"price\": 1.10}\n");
}

// Prisma writes Decimal, BigInt and Date as texts in JSON.
TEST_F(SyncDatabase, AcceptsNumbersAndTimesThatAreTexts) {
  SyncPlugin sync = plugin();
  EXPECT_THAT(sync.run(records(
                  R"([{"id":"9","price":"10.50","at":"2026-02-28T00:00:00.000Z","name":5,"tags":null}])")),
              testing::IsDone());
  EXPECT_EQ(rows("id, price, at AT TIME ZONE 'UTC', name"), "9|10.50|2026-02-28 00:00:00|5\n");
}

TEST_F(SyncDatabase, NamesABadRecord) {
  const auto outcome = plugin().run(records(R"([{"id":1},{"id":2,"price":1},{"id":3,"at":"yesterdayish )" +
                                            std::string(300, 'x') + "\"}]"));
  EXPECT_THAT(outcome, testing::Fails("database-22007"));
  EXPECT_NE(
      outcome.error.find(R"(record 2 of the payload's data, key {"id":3}, column 'at', value "yesterdayish)"),
      std::string::npos)
      << outcome.error;
  EXPECT_LT(outcome.error.size(), 450U) << outcome.error;
  EXPECT_EQ(rows(), "");
}

TEST_F(SyncDatabase, WritesTheOthersIfBadRecordsAreSkipped) {
  SyncPlugin sync = plugin(R"(, "on_bad_record": "skip", "batch_rows": 3)");
  const auto outcome = sync.run(records(
      R"([{"id":1},{"id":2,"price":-1},{"id":3},{"id":4,"price":"dear"},{"id":5},{"name":"x"},{"id":6}])"));
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_EQ(rows("id"), "1\n3\n5\n6\n");
  for (const char* words :
       {R"("inserted":4,"updated":0,"unchanged":0)", R"("skipped":3)", R"("code":"database-23514")",
        R"("key":{"id":4},"column":"price","value":"\"dear\"","code":"database-22P02")"}) {
    EXPECT_NE(outcome.output->find(words), std::string::npos) << words << " in " << *outcome.output;
  }
}

TEST_F(SyncDatabase, DeletesRowsOfDeletedRecords) {
  SyncPlugin sync = plugin(R"(, "deleted": "/deletedAt", "absent": "null")");
  EXPECT_THAT(sync.run(records(R"([{"id":1},{"id":2},{"id":3}])")), testing::IsDone());
  EXPECT_EQ(
      sync.run(records(
                   R"([{"id":1,"deletedAt":null},{"id":2,"deletedAt":"2026-01-01"},{"id":9,"deletedAt":true},
                                 {"id":3,"deletedAt":1},{"id":3,"name":"back","deletedAt":false}])"))
          .output,
      R"({"records":5,"inserted":0,"updated":1,"unchanged":3,"deleted":1})");
  EXPECT_EQ(rows(), "1|\n3|back\n");
}

TEST_F(SyncDatabase, NeedsOnlyTheKeyOfDeletedRecords) {
  SyncPlugin sync = plugin(R"(, "deleted": "/gone", "absent": "fail")");
  EXPECT_THAT(sync.run(records(R"([{"id":1,"name":"a","price":1,"at":null,"tags":null,"more":null}])")),
              testing::IsDone());
  EXPECT_THAT(sync.run(records(R"([{"id":1,"gone":true}])")), testing::IsDone());
  EXPECT_EQ(rows(), "");
}

TEST_F(SyncDatabase, MarksRowsAsDeletedIfAColumnIsConfigured) {
  database_.exec("ALTER TABLE public.item ADD gone timestamptz");
  SyncPlugin sync = plugin(R"(, "deleted": "/deletedAt", "deleted_column": "gone")");
  EXPECT_THAT(sync.run(records(R"([{"id":1},{"id":2}])")), testing::IsDone());
  EXPECT_THAT(sync.run(records(R"([{"id":1,"deletedAt":"2026-01-01"}])")), testing::IsDone());
  EXPECT_EQ(rows("id, gone IS NOT NULL"), "1|t\n2|f\n");
  const std::string before = rows("ctid, xmin");
  EXPECT_THAT(sync.run(records(R"([{"id":1,"deletedAt":"2026-01-01"}])")), testing::IsDone());
  EXPECT_EQ(rows("ctid, xmin"), before);
  EXPECT_THAT(sync.run(records(R"([{"id":1}])")), testing::IsDone());
  EXPECT_EQ(rows("id, gone IS NOT NULL"), "1|f\n2|f\n");
}

TEST_F(SyncDatabase, RemovesRowsMissingInAFullSyncButNotTooMany) {
  const HttpServer server(R"({"/": [{"json": [{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]},
      {"json": [{"id":1},{"id":2},{"id":3},{"id":4}]}, {"json": [{"id":1}]}, {"json": []}, {"json": [{"id":5}]},
      {"json": [{"id":1},{"id":2},{"id":3},{"id":"x"}]}]})");
  SyncPlugin sync(source_at(server.url(), R"(, "parameters": ["region"])"),
                  target(R"(, "remove_missing": true, "on_bad_record": "skip")"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  const auto outcome = sync.run();
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_NE(outcome.output->find(R"("removed":1)"), std::string::npos) << *outcome.output;
  EXPECT_EQ(rows("id"), "1\n2\n3\n4\n");
  EXPECT_THAT(sync.run(), testing::Fails("too-many-removed"));
  EXPECT_THAT(sync.run(), testing::Fails("too-many-removed"));
  // Nothing is removed after reading only a part of the source, or if a record was skipped.
  EXPECT_THAT(
      sync.run(R"({"source": "api", "target": "database", "data": {"parameters": {"region": "eu"}}})"),
      testing::IsDone());
  EXPECT_THAT(sync.run(records(R"([{"id":6}])")), testing::IsDone());
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(rows("id"), "1\n2\n3\n4\n5\n6\n");
}

TEST_F(SyncDatabase, ContinuesAtThePageThatFailed) {
  const HttpServer server(R"({"/x?page=1": [{"json": [{"id":1,"name":"a"}]}],
      "/x?page=2": [{"json": [{"id":2,"name":"b"}]}], "/x?page=3": [{"status": 503}, {"json": [{"id":3,"name":"c"}]}],
      "/x?page=4": [{"json": []}]})");
  SyncPlugin sync(
      source_at(server.url("/x"), R"(, "paging": "page", "cursor": "/id", "cursor_parameter": "after")"),
      target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::Retries("http-503"));
  EXPECT_EQ(rows(), "1|a\n2|b\n");
  EXPECT_EQ(database_.value("SELECT cursor IS NULL FROM public.state WHERE parameters = ''"), "t");
  const auto outcome = sync.run();
  EXPECT_THAT(outcome, testing::IsDone());
  EXPECT_EQ(rows(), "1|a\n2|b\n3|c\n");
  EXPECT_EQ(server.paths(), "/x?page=1 /x?page=2 /x?page=3 /x?page=3 /x?page=4");
  EXPECT_EQ(
      database_.rows("SELECT parameters, cursor FROM public.state WHERE parameters !~ '^conf' ORDER BY 1"),
      "|3\nposition |\n");
}

TEST_F(SyncDatabase, KeepsItsPositionIfThatPageFailsAgain) {
  const HttpServer server(R"({"/x?page=1": [{"json": [{"id":1,"name":"a"}]}],
      "/x?page=2": [{"status": 503}, {"body": "[{\"id\":"}, {"json": [{"id":2,"name":"b"}]}], "/x?page=3": [{"json": []}]})");
  SyncPlugin sync(source_at(server.url("/x"), R"(, "paging": "page")"),
                  target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::Retries("http-503"));
  EXPECT_THAT(sync.run(), testing::Retries("bad-json"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(rows(), "1|a\n2|b\n");
  EXPECT_EQ(server.paths(), "/x?page=1 /x?page=2 /x?page=2 /x?page=2 /x?page=3");
}

TEST_F(SyncDatabase, ContinuesInAnotherRunAfterMaxTime) {
  const HttpServer server(R"({"/x?page=1": [{"json": [{"id":1}]}], "/x?page=2": [{"json": [{"id":2}]}],
      "/x?page=3": [{"json": []}]})");
  SyncPlugin sync(source_at(server.url("/x"), R"(, "paging": "page", "max_time": 0)"),
                  target(R"(, "state": "public.state")"));
  EXPECT_EQ(sync.run().result, SLUICE_SNOOZE);
  EXPECT_EQ(rows("id"), "1\n");
  EXPECT_EQ(sync.run().result, SLUICE_SNOOZE);
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(rows("id"), "1\n2\n");
  EXPECT_EQ(server.paths(), "/x?page=1 /x?page=2 /x?page=3");
}

TEST_F(SyncDatabase, ContinuesInAnotherRunBeforeItExceedsMaxBytes) {
  const HttpServer server(R"({"/x?page=1": [{"json": [{"id":1}]}], "/x?page=2": [{"json": [{"id":2}]}],
      "/x?page=3": [{"json": [{"id":3,"name":"much longer than the others are"}]}]})");
  SyncPlugin sync(source_at(server.url("/x"), R"(, "paging": "page", "max_bytes": 15)"),
                  target(R"(, "state": "public.state")"));
  EXPECT_EQ(sync.run().result, SLUICE_SNOOZE);
  EXPECT_EQ(sync.run().result, SLUICE_SNOOZE);
  EXPECT_EQ(rows("id"), "1\n2\n");
  EXPECT_THAT(sync.run(), testing::Fails("too-large"));
  EXPECT_EQ(server.paths(), "/x?page=1 /x?page=2 /x?page=2 /x?page=3 /x?page=3");
}

TEST_F(SyncDatabase, StartsFromTheBeginningIfTheSourceForgotThePage) {
  const HttpServer server(
      R"({"/x": [{"json": {"r": [{"id":1}], "next": "t"}}, {"status": 503}, {"status": 410},
      {"json": {"r": [{"id":1}], "next": "u"}}, {"json": {"r": [{"id":2}]}}]})");
  SyncPlugin sync(source_at(server.url("/x"), R"(, "paging": "token", "next": "/next", "page_parameter": "p",
                                                  "records": "/r")"),
                  target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::Retries("http-503"));
  EXPECT_THAT(sync.run(), testing::IsDone());
  EXPECT_EQ(rows("id"), "1\n2\n");
  EXPECT_EQ(server.paths(), "/x /x?p=t /x?p=t /x /x?p=u");
}

// Pages that another job read can have changed since.
TEST_F(SyncDatabase, ContinuesOnlyForTheSameJob) {
  const HttpServer server(
      R"({"/x?page=1": [{"json": [{"id":1}]}], "/x?page=2": [{"status": 503}, {"json": []}]})");
  SyncPlugin sync(source_at(server.url("/x"), R"(, "paging": "page")"),
                  target(R"(, "state": "public.state")"));
  EXPECT_THAT(sync.run(), testing::Retries("http-503"));
  EXPECT_THAT(sync.run(guide_payload, "job-2"), testing::IsDone());
  EXPECT_EQ(server.paths(), "/x?page=1 /x?page=2 /x?page=1 /x?page=2");
}

TEST_F(SyncDatabase, ReadsTheUrlsFileForEachConnection) {
  const Scratch files;
  SyncPlugin sync = inline_plugin(R"("kind": "database", "table": "public.item", "key": ["id"],
                                     "columns": ["id"], "url_file": )" +
                                  quoted(files.write("url", "no url with s3cret")));
  const auto outcome = sync.run(records(R"([{"id":1}])"));
  EXPECT_THAT(outcome, testing::Retries("secret-file"));
  EXPECT_EQ(outcome.error.find("s3cret"), std::string::npos) << outcome.error;
  files.write("url", database_.url() + "\n");
  EXPECT_THAT(sync.run(records(R"([{"id":1}])")), testing::IsDone());
}

TEST_F(SyncDatabase, RetriesUntilItHasTheRightToWrite) {
  const std::string role = "sync_of_" + database_.name();
  database_.exec("GRANT USAGE ON SCHEMA public TO PUBLIC");
  database_.exec("CREATE ROLE " + role + " LOGIN");
  database_.exec("GRANT INSERT ON public.item TO " + role);
  SyncPlugin sync =
      inline_plugin(effects_target + std::string(R"(, "url": )") + quoted(database_.url_as(role)));
  const auto outcome = sync.run(records(R"([{"id":1}])"));
  EXPECT_THAT(outcome, testing::Retries("database-42501"));
  database_.exec("GRANT SELECT, UPDATE ON public.item TO " + role);
  EXPECT_THAT(sync.run(records(R"([{"id":1}])")), testing::IsDone());
  database_.exec("ALTER ROLE " + role + " SET default_transaction_read_only = on");
  const auto read_only =
      inline_plugin(effects_target + std::string(R"(, "url": )") + quoted(database_.url_as(role)))
          .run(records(R"([{"id":1}])"));
  EXPECT_THAT(read_only, testing::Retries("database-25006"));
  database_.exec("DROP OWNED BY " + role);
  database_.exec("DROP ROLE " + role);
}

TEST(SyncDatabaseServer, ThatDoesNotExistIsRetried) {
  SyncPlugin sync(source_at("http://127.0.0.1:1/"), effects_target + std::string(R"(, "url": )") +
                                                        quoted("postgresql://u:s3cret@/x?host=/no/such"));
  const auto outcome = sync.run(R"({"source": "x", "target": "database", "data": [{"id": 1}]})");
  EXPECT_THAT(outcome, testing::Retries("database-connect"));
  EXPECT_EQ(outcome.error.find("s3cret"), std::string::npos) << outcome.error;
}

/// A failure in the table of plugins/sync/README.md that the database causes.
struct Refusal {
  const char* name;
  const char* sql;  // beforehand
  const char* record;
  std::int32_t result;
  const char* code;
  const char* words;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class SyncDatabaseFailure : public SyncDatabase, public ::testing::WithParamInterface<Refusal> {};

TEST_P(SyncDatabaseFailure, EndsAsItsTableSays) {
  const Refusal& refusal = GetParam();
  database_.exec("CREATE TABLE public.other (id int PRIMARY KEY)");
  if (*refusal.sql != '\0') database_.exec(refusal.sql);
  SyncPlugin sync = plugin();
  const auto outcome = sync.run(records("[" + std::string(refusal.record) + "]"));
  EXPECT_EQ(outcome.result, refusal.result) << said(outcome);
  EXPECT_EQ(outcome.code, refusal.code) << outcome.error;
  EXPECT_NE(outcome.error.find(refusal.words), std::string::npos) << outcome.error;
  // The slot works for the next job.
  database_.exec("DROP TABLE IF EXISTS public.item CASCADE");
  database_.exec(
      "CREATE TABLE public.item (id int PRIMARY KEY, name text, price text, at text, tags text, more text)");
  EXPECT_THAT(sync.run(records(R"([{"id":1}])")), testing::IsDone());
}

constexpr Refusal refusals[] = {
    {"TextForANumber", "", R"({"id":"one"})", SLUICE_FAIL, "database-22P02", "invalid input syntax"},
    {"ObjectForANumber", "", R"({"id":{"a":1}})", SLUICE_FAIL, "database-22P02", "invalid input syntax"},
    {"NumberTooLarge", "", R"({"id":3000000000})", SLUICE_FAIL, "database-22003", "out of range"},
    {"NoTimestamp", "", R"({"id":1,"at":"yesterdayish"})", SLUICE_FAIL, "database-22007", "timestamp"},
    {"NoArray", "", R"({"id":1,"tags":"x"})", SLUICE_FAIL, "database-22P02", "array"},
    {"CheckConstraint", "", R"({"id":1,"price":-1})", SLUICE_FAIL, "database-23514", "check constraint"},
    {"NotNull", "ALTER TABLE public.item ALTER name SET NOT NULL", R"({"id":1})", SLUICE_FAIL,
     "database-23502", "null value"},
    {"AnotherUniqueKey",
     "CREATE UNIQUE INDEX ON public.item (name); INSERT INTO public.item (id, name) VALUES (7, 'x')",
     R"({"id":1,"name":"x"})", SLUICE_FAIL, "database-23505", "unique"},
    {"Trigger",
     "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;"
     "CREATE TRIGGER no BEFORE INSERT ON public.item FOR EACH ROW EXECUTE FUNCTION no()",
     R"({"id":1})", SLUICE_FAIL, "database-P0001", "not today"},
    {"ForeignKey", "ALTER TABLE public.item ADD FOREIGN KEY (id) REFERENCES public.other (id)", R"({"id":1})",
     SLUICE_RETRY, "database-23503", "foreign key"},
    {"NoTable", "DROP TABLE public.item", R"({"id":1})", SLUICE_RETRY, "database-42P01",
     "check table, key and columns"},
    {"NoColumn", "ALTER TABLE public.item DROP name", R"({"id":1})", SLUICE_RETRY, "database-42703", "name"},
    {"NoUniqueKey", "ALTER TABLE public.item DROP CONSTRAINT item_pkey", R"({"id":1})", SLUICE_RETRY,
     "database-42P10", "ON CONFLICT"},
};
INSTANTIATE_TEST_SUITE_P(, SyncDatabaseFailure, ::testing::ValuesIn(refusals),
                         [](const auto& refusal) { return refusal.param.name; });

}  // namespace
}  // namespace sluice::test
