// The plans of the hot path, whatever the statistics say.
#include <gtest/gtest.h>

#include <regex>

#include "store/pg_text.hpp"
#include "store/statements.hpp"
#include "store/table_name.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

constexpr int batch = 300;

class Plan : public testing::Test {
 protected:
  Plan() : pump_(world_.database().url()) {
    pump_.exec(store::pump_settings("SET"));
    const auto table = store::TableName::parse("public.Outbox");
    pump_.exec("PREPARE claim AS " + store::claim_statement(table, 1));
    pump_.exec("PREPARE brief_claim AS " + store::brief_claim_statement(table, 1));
    pump_.exec("PREPARE brief_done AS " + store::brief_done_statement(table));
    pump_.exec("PREPARE brief_keep AS " + store::brief_keep_statement(table));
    pump_.exec("PREPARE brief_relock AS " + store::brief_relock_statement(table));
    pump_.exec("PREPARE finish_in_place AS " + store::finish_in_place_statement(table));
    pump_.exec("PREPARE finish AS " + store::finish_statement(table));
    pump_.exec("PREPARE settle AS " + store::settle_statement(table));
    pump_.exec("PREPARE promote AS " + store::promote_statement(table));
    pump_.exec("PREPARE front AS " + store::front_statement(table));
    pump_.exec("PREPARE search AS " + store::search_statement(table));
    pump_.exec("PREPARE depths AS " + store::depths_statement(table));
    world_.database().exec(
        "INSERT INTO sluice.runtime (id, host, pid, version, command) VALUES (1, '', 1, '', '')");
  }

  // As a connection that has been open for long, with its plan made for an empty table.
  void plan_when_empty() {
    explain_claim("-Infinity");
    explain_finish_in_place();
    explain_finish();
    explain_brief_claim("-Infinity");
    explain_brief_done();
    explain_brief_keep();
    explain_brief_relock();
  }

  std::string explain_claim(const std::string& cursor) {
    return explain("claim (1, 0, '{noop}', 300, '" + cursor + "', 4000000)");
  }

  std::string explain_brief_claim(const std::string& cursor) {
    return explain("brief_claim (1, 0, '{noop}', 300, '" + cursor + "', 4000000)");
  }
  std::string explain_brief_done() {
    return explain("brief_done (" + oldest_pending("ctid") + ", " + oldest_pending("id") + ")");
  }
  std::string explain_brief_keep() {
    return explain("brief_keep (1, 0, " + oldest_pending("ctid") + ", " + oldest_pending("id") + ")");
  }
  std::string explain_brief_relock() {
    return explain("brief_relock (" + oldest_pending("id") + ", " + all("1") + ")");
  }
  /// Of a batch, as an array constant.
  std::string oldest_pending(const std::string& column) {
    return "'" +
           pump_.value("SELECT coalesce(array_agg(" + column +
                       "), '{}') FROM (SELECT ctid, id FROM \"Outbox\" "
                       "WHERE status = 'pending' ORDER BY \"createdAt\" LIMIT " +
                       std::to_string(batch) + ") o") +
           "'";
  }

  std::string explain_finish_in_place() {
    const std::string places = pump_.value(
        "SELECT coalesce(array_agg(ctid ORDER BY \"createdAt\"), '{}') FROM \"Outbox\" WHERE status = "
        "'processing'");
    return explain("finish_in_place ('" + places + "', " + settled() + ")");
  }

  std::string explain_finish() {
    return explain("finish ('" + settled_ids() + "', array_fill(-1::bigint, ARRAY[300]), '{-1}', '{}')");
  }

  // Each of the batch failed, and is to be tried again.
  std::string explain_settle() {
    return explain("settle ('{}', '" + settled_ids() + "', " + all("-1::bigint") + ", " + all("0") + ", " +
                   all("'error'::text") + ", " + all("false") + ", " + all("0::bigint") + ", " +
                   all("'noop'::text") + ", " + all("'retry'::text") + ", " + all("''::text") + ", " +
                   all("'no'::text") + ", " + all("''::text") + ", " + all("null::text") + ", " +
                   all("0::bigint") + ", " + all("'(4294967295,0)'::tid") + ", '" + settled_ids() + "')");
  }

  static std::string all(const std::string& value) {
    return "array_fill(" + value + ", ARRAY[" + std::to_string(batch) + "])";
  }

  // For where types that nobody serves are in front of a batch of `noop`.
  void expect_good_search(long history = 0) {
    const std::string front = explain("front ('{noop}')");
    EXPECT_NE(front.find("Index Scan using \"Outbox_status_createdAt_idx\""), std::string::npos) << front;
    EXPECT_EQ(largest(front, "Scan using \"Outbox_status.*rows=(\\d+)"), store::sweep_front) << front;
    expect_no_detour(front, store::sweep_front);
    const std::string search = explain("search ('{noop}')", store::search_settings());
    EXPECT_NE(search.find("Bitmap Index Scan on \"Outbox_type_idx\""), std::string::npos) << search;
    EXPECT_LT(largest(search, "shared hit=(\\d+)"), 50L * batch) << search;
    EXPECT_LE(largest(search, "Rows Removed by [A-Za-z ]+: (\\d+)"), batch + history) << search;
  }

  // Ids, claims, attempts, closing and other claims.
  static std::string settled() {
    return "'" + settled_ids() +
           "', array_fill(-1::bigint, ARRAY[300]), array_fill(0, ARRAY[300]), '{-1}', '{}'";
  }

  // With a claim that it may close, and undone.
  std::string explain(const std::string& call, const std::string& settings = "") {
    pump_.exec("BEGIN; " + settings);
    pump_.exec("INSERT INTO sluice.claim (id, runtime, pump, ids) VALUES (-1, 1, 0, '" + settled_ids() +
               "')");
    std::string plan = pump_.rows("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) EXECUTE " + call);
    pump_.exec("ROLLBACK");
    return plan;
  }

  static std::string settled_ids() {
    store::ArrayText ids;
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
    const std::string claim = explain_claim(cursor), brief = explain_brief_claim(cursor);
    for (const std::string& plan : {claim, brief}) {
      EXPECT_NE(plan.find("Index Scan using \"Outbox_status_createdAt_idx\""), std::string::npos) << plan;
      EXPECT_NE(plan.find("Index Cond: ((ROW(status, \"createdAt\") >= ROW('pending'"), std::string::npos)
          << plan;
    }
    expect_places(claim, claimed);
    expect_places(brief, 0);
    for (const std::string& write : {explain_finish_in_place(), explain_brief_done(), explain_brief_keep()}) {
      expect_places(write, batch);
    }
    const std::string relock = explain_brief_relock();
    EXPECT_NE(relock.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << relock;
    expect_no_detour(relock);

    const std::string finish = explain_finish();
    EXPECT_NE(finish.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << finish;
    expect_no_detour(finish);
  }

  /// The rows are found by their places.
  static void expect_places(const std::string& plan, int rows) {
    EXPECT_EQ(plan.find("Outbox_pkey"), std::string::npos) << plan;
    EXPECT_EQ(largest(plan, "Tid Scan.*loops=(\\d+)"), rows) << plan;
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

TEST_F(Plan, CountingWhatWaitsWalksOverNothingElse) {
  world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
  explain("depths (1000000)");
  world_.fill(100'000, "noop", "done", "d");
  for (const bool analysed : {false, true}) {
    if (analysed) world_.database().exec("VACUUM ANALYZE \"Outbox\"");
    const std::string name = analysed ? "a" : "n";
    world_.fill(batch, "noop", "pending", "p" + name);
    world_.fill(batch, "noop", "error", "e" + name);
    const std::string plan = explain("depths (1000000)");
    expect_no_detour(plan);
    EXPECT_LT(largest(plan, "rows=(\\d+) loops"), 5 * batch) << plan;
  }
  EXPECT_EQ(largest(explain("depths (10)"), "Index Scan.*rows=(\\d+) loops"), 10) << "the bound is one";
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

TEST_F(Plan, TheCursorIsWhereTheIndexScanStarts) {
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  const std::string near_the_end =
      world_.database().value("SELECT date_part('epoch', timestamp '2026-01-01' + interval '99950 ms')");
  expect_good(51, near_the_end);
}

// Which of the two indexes it goes by, or both, is for the statistics to say: each batch has one search at
// most.
TEST_F(Plan, OfASearchBehindOtherTypes) {
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
  expect_no_detour(promote, batch);  // none of them is held
}

}  // namespace
}  // namespace sluice::test
