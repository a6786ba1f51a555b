// The plans of the hot path must not depend on the table's statistics.
#include <gtest/gtest.h>

#include <regex>
#include <utility>

#include "postgres/link/table_name.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

constexpr int batch = 300;

class Plan : public testing::Test {
 protected:
  Plan() : pump_(world_.database().url()) {
    pump_.exec(postgres::pump_settings("SET"));
    const auto table = postgres::TableName::parse("public.Outbox");
    pump_.exec("PREPARE claim AS " + postgres::claim_statement(table, 1, false));
    pump_.exec("PREPARE claim_marked AS " + postgres::claim_statement(table, 1, true));
    pump_.exec("PREPARE mark AS " + postgres::sql("mark", table));
    pump_.exec("PREPARE finish_in_place AS " + postgres::sql("finish_in_place", table));
    pump_.exec("PREPARE finish AS " + postgres::sql("finish", table));
    pump_.exec("PREPARE settle AS " + postgres::sql("settle", table));
    pump_.exec("PREPARE promote AS " + postgres::sql("promote", table));
    pump_.exec("PREPARE front AS " + postgres::front_statement(table));
    pump_.exec("PREPARE search AS " + postgres::sql("search", table));
    pump_.exec("PREPARE depths AS " + postgres::sql("depths", table));
    world_.database().exec(
        "INSERT INTO sluice.runtime (id, host, pid, version, command) VALUES (1, '', 1, '', '')");
  }

  // Makes the plans while the table is empty, as on a connection that has been open for long.
  void plan_when_empty() {
    explain_claim("-Infinity");
    explain_finish_in_place();
    explain_finish();
    explain_claim("-Infinity", true);
    explain_mark();
  }

  std::string explain_claim(const std::string& cursor, bool mark = false, const std::string& since = "0") {
    return explain((mark ? "claim_marked (1, 0, true" : "claim (1, 0, false") +
                   std::string(", true, '{}', '") + since + "', '{noop}', 300, '" + cursor + "', 4000000)");
  }

  std::string explain_mark() {
    return explain("mark ('" + settled_ids() + "', " + all("-1::bigint") + ", " + all(created()) + ", '{}')");
  }

  std::string explain_finish_in_place() {
    const std::string places = pump_.value(
        "SELECT coalesce(array_agg(ctid ORDER BY \"createdAt\"), '{}') FROM \"Outbox\" WHERE id LIKE 'p%' "
        "AND type "
        "= 'noop'");
    return explain("finish_in_place ('" + places + "', " + settled() + ")");
  }

  std::string explain_finish() {
    return explain("finish ('" + settled_ids() + "', array_fill(-1::bigint, ARRAY[300]), '{-1}', '{}', " +
                   all(created()) + ")");
  }

  // Each job of the batch failed and will be retried.
  std::string explain_settle() {
    return explain("settle ('{}', '" + settled_ids() + "', " + all("-1::bigint") + ", " + all("0") + ", " +
                   all("'error'::text") + ", " + all("false") + ", " + all("0::bigint") + ", " +
                   all("'noop'::text") + ", " + all("'retry'::text") + ", " + all("''::text") + ", " +
                   all("'no'::text") + ", " + all("''::text") + ", " + all("null::text") + ", " +
                   all("0::bigint") + ", " + all("'(4294967295,0)'::tid") + ", '" + settled_ids() + "', " +
                   all(created()) + ", " + all("''::text") + ", " + all("'mail'::text") + ", " +
                   all("'1.0'::text") + ", " + all("''::text") + ", " + all("null::float8") + ", " +
                   all("null::bigint") + ")");
  }

  static std::string created() { return "date_part('epoch', timestamp '2026-01-01')"; }

  static std::string all(const std::string& value) {
    return "array_fill(" + value + ", ARRAY[" + std::to_string(batch) + "])";
  }

  // The plans of a search for a batch of `noop` after rows of unserved types.
  void expect_good_search(long history = 0) {
    const std::string front = explain("front ('{noop}')");
    EXPECT_NE(front.find("Index Scan using \"Outbox_status_createdAt_idx\""), std::string::npos) << front;
    EXPECT_EQ(largest(front, "Scan using \"Outbox_status.*rows=(\\d+)"), postgres::sweep_front) << front;
    expect_no_detour(front, postgres::sweep_front);
    const std::string search = explain("search ('{noop}')", postgres::sql("search_settings"));
    EXPECT_NE(search.find("Bitmap Index Scan on \"Outbox_type_idx\""), std::string::npos) << search;
    EXPECT_LT(largest(search, "shared hit=(\\d+)"), 50L * batch) << search;
    EXPECT_LE(largest(search, "Rows Removed by [A-Za-z ]+: (\\d+)"), batch + history) << search;
  }

  // Parameters: ids, claims, attempts, closing claims and other claims.
  static std::string settled() {
    return "'" + settled_ids() +
           "', array_fill(-1::bigint, ARRAY[300]), array_fill(0, ARRAY[300]), '{-1}', '{}'";
  }

  // Explains the call in a transaction that is rolled back, with a claim that the call may close.
  std::string explain(const std::string& call, const std::string& settings = "") {
    pump_.exec("BEGIN; " + settings);
    pump_.exec("INSERT INTO sluice.claim (id, runtime, pump, ids) VALUES (-1, 1, 0, '" + settled_ids() +
               "')");
    std::string plan = pump_.rows("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) EXECUTE " + call);
    pump_.exec("ROLLBACK");
    return plan;
  }

  static std::string settled_ids() {
    postgres::ArrayText ids;
    for (int i = 1; i <= batch; ++i) ids.add(std::string("p").append(std::to_string(i)));
    return ids.str();
  }

  static long largest(const std::string& plan, const char* pattern) {
    const std::regex number(pattern);
    long most = 0;
    for (std::sregex_iterator i(plan.begin(), plan.end(), number), end; i != end; ++i) {
      most = std::max(most, std::stol((*i)[1]));
    }
    return most;
  }

  void expect_good(int claimed, const std::string& cursor = "-Infinity") {
    const std::string claim = explain_claim(cursor), marked = explain_claim(cursor, true);
    for (const std::string& plan : {claim, marked}) {
      EXPECT_NE(plan.find("Index Scan using \"Outbox_status_createdAt_idx\""), std::string::npos) << plan;
      EXPECT_NE(plan.find("Index Cond: ((ROW(status, \"createdAt\") >= ROW('pending'"), std::string::npos)
          << plan;
      EXPECT_NE(plan.find("(hashed SubPlan"), std::string::npos) << plan;
    }
    expect_places(claim, 0);
    expect_places(marked, claimed);
    expect_places(explain_finish_in_place(), 1);
    const std::string mark = explain_mark();
    EXPECT_NE(mark.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << mark;
    expect_no_detour(mark, batch);

    const std::string finish = explain_finish();
    EXPECT_NE(finish.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << finish;
    expect_no_detour(finish, batch);  // the filter for suppressed rows removes all rows
  }

  /// The rows are found by their places, in `scans` scans.
  static void expect_places(const std::string& plan, int scans) {
    EXPECT_EQ(plan.find("Outbox_pkey"), std::string::npos) << plan;
    EXPECT_EQ(largest(plan, "Tid Scan.*loops=(\\d+)"), scans) << plan;
    expect_no_detour(plan);
  }

  static void expect_no_detour(const std::string& plan, long removed = 0) {
    for (const char* wrong : {"Seq Scan on \"Outbox\"", "Outbox_status_idx", "Outbox_createdAt_idx",
                              "Outbox_type_idx", "Bitmap"}) {
      EXPECT_EQ(plan.find(wrong), std::string::npos) << wrong << "\n" << plan;
    }
    EXPECT_LT(largest(plan, "shared hit=(\\d+)"), 50L * batch) << plan;
    EXPECT_LE(largest(plan, "Rows Removed by [A-Za-z ]+: (\\d+)"), removed) << plan;
  }

  PostgresWorld world_;
  Session pump_;
};

TEST_F(Plan, AnalysedWhenEmptyThenFull) {
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  plan_when_empty();
  world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
  plan_when_empty();
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  expect_good(batch);
}

TEST_F(Plan, NeverAnalysed) {
  world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
  plan_when_empty();
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  expect_good(batch);
}

TEST_F(Plan, CountingUnfinishedJobsReadsNoOtherRows) {
  world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
  explain("depths (1000000)");
  world_.fill(100'000, "noop", "done", "d");
  for (const bool analysed : {false, true}) {
    if (analysed) world_.database().exec("VACUUM ANALYZE \"Outbox\"");
    const std::string name = analysed ? "a" : "n";
    world_.fill(batch, "noop", "pending", "p" + name);
    world_.fill(batch, "noop", "error", "e" + name);
    const std::string plan = explain("depths (1000000)");
    expect_no_detour(plan, batch);
    EXPECT_LT(largest(plan, "rows=(\\d+) loops"), 5 * batch) << plan;
  }
  EXPECT_EQ(largest(explain("depths (10)"), "Index Scan.*rows=(\\d+) loops"), 10) << "the limit must apply";
}

TEST_F(Plan, WithLeanIndexes) {
  world_.store().desk()->set_indexes(store::Indexes::lean);
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  expect_good(batch);
}

TEST_F(Plan, MostlyDone) {
  world_.fill(100'000, "noop", "done", "d");
  world_.fill(500, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  expect_good(batch);
}

TEST_F(Plan, MostlyPending) {
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  expect_good(batch);
}

TEST_F(Plan, TheIndexScanStartsAtTheCursor) {
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  const std::string near_the_end =
      world_.database().value("SELECT date_part('epoch', timestamp '2026-01-01' + interval '99950 ms')");
  expect_good(51, near_the_end);
}

// The statistics may decide which of the two indexes is used, or both, because there is at most one search
// for each batch.
TEST_F(Plan, OfASearchAfterRowsOfOtherTypes) {
  world_.fill(50'000, "unserved", "pending", "u");
  world_.fill(batch, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("UPDATE \"Outbox\" SET \"createdAt\" = now() WHERE type = 'noop'");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  expect_good_search();
  world_.fill(20'000, "noop", "done", "d");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  expect_good_search(20'000);
}

TEST_F(Plan, OfFailuresAndTheirRetries) {
  world_.fill(20'000, "noop", "done", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.fill(20'000, "noop", "error", "e");
  const std::string settle = explain_settle();
  EXPECT_NE(settle.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << settle;
  EXPECT_EQ(largest(settle, "Update on \"Outbox\" o\\w* .actual rows=(\\d+)"), batch) << settle;
  expect_no_detour(settle, batch);

  world_.database().exec(
      "INSERT INTO sluice.schedule (job_id, due, status) "
      "SELECT 'e' || i, now() + (i - 300) * interval '1 hour' - interval '1 minute', 'error' "
      "FROM generate_series(1, 20000) i");
  const std::string promote = explain("promote (1000)");
  EXPECT_NE(promote.find("Index Scan using schedule_due_idx"), std::string::npos) << promote;
  EXPECT_NE(promote.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << promote;
  EXPECT_NE(promote.find("Index Scan using schedule_pkey"), std::string::npos) << promote;
  expect_no_detour(promote, batch);  // the filter for held rows removes all rows
}

// The server must keep dead claims while any session holds a snapshot.
TEST_F(Plan, DeadClaimsOfEarlierLooksAreNotRead) {
  world_.fill(batch, "noop", "pending", "p");
  Session somebody(world_.database().url());
  somebody.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM sluice.claim");
  world_.database().exec(
      "DO $$ BEGIN FOR i IN 1..3000 LOOP INSERT INTO sluice.claim (runtime, pump, ids) VALUES (1, 9, '{x}'); "
      "DELETE FROM sluice.claim WHERE pump = 9; COMMIT; END LOOP; END $$");
  // Transactions of other tests may delay this for a while.
  const std::string after = world_.database().value("SELECT pg_current_xact_id()");
  std::string since;
  do {
    since = pump_.value("SELECT pg_snapshot_xmin(pg_current_snapshot())");
  } while (std::stoll(since) < std::stoll(after));
  auto read = [&, before = 0L](const std::string& from) mutable {
    pump_.exec("BEGIN; EXECUTE claim (1, 0, false, true, '{}', '" + from +
               "', '{noop}', 300, '-Infinity', 4000000)");
    const long entries =
        std::stol(pump_.value("SELECT pg_stat_get_xact_tuples_returned('sluice.claim_xid_idx'::regclass)"));
    pump_.exec("ROLLBACK");
    return entries - std::exchange(before, entries);
  };
  EXPECT_GT(read("0"), 3000);
  EXPECT_LT(read(since), 10);
}

TEST_F(Plan, TheIdsOfClaimsAreHashedEvenWithManyDeadOnes) {
  world_.fill(batch, "noop", "pending", "p");
  Session somebody(world_.database().url());
  somebody.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM sluice.claim");
  world_.database().exec(
      "DO $$ BEGIN FOR i IN 1..10000 LOOP INSERT INTO sluice.claim (runtime, pump, ids) "
      "VALUES (1, 9, array_fill(repeat('x', 32), ARRAY[40])); "
      "DELETE FROM sluice.claim WHERE pump = 9; COMMIT; END LOOP; END $$");
  for (const bool marked : {false, true}) {
    const std::string plan = explain_claim("-Infinity", marked);
    EXPECT_NE(plan.find("(hashed SubPlan"), std::string::npos) << plan;
  }
}

}  // namespace
}  // namespace sluice::test
