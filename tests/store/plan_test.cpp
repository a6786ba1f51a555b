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
    pump_.exec("PREPARE exchange AS " +
               store::exchange_statement(store::TableName::parse("public.Outbox"), 1));
    pump_.exec("PREPARE finish AS " + store::finish_statement(store::TableName::parse("public.Outbox")));
    world_.database().exec(
        "INSERT INTO sluice.runtime (id, host, pid, version, command) VALUES (1, '', 1, '', '')");
  }

  // As a connection that has been open for long, with its plan made for an empty table.
  void plan_when_empty() {
    explain("-Infinity");
    explain_finish();
  }

  // Finishes `batch` rows and claims as many, and undoes it all.
  std::string explain(const std::string& cursor) {
    const std::string places = pump_.value(
        "SELECT coalesce(array_agg(ctid ORDER BY \"createdAt\"), '{}') FROM \"Outbox\" WHERE status = "
        "'processing'");
    return explain_execution(
        "exchange ('" + places + "', '" + settled_ids() +
        "', array_fill(-1::bigint, ARRAY[300]), array_fill(0, ARRAY[300]), '{-1}', '{}', 1, 0, "
        "'{noop}', 300, '" +
        cursor + "')");
  }

  std::string explain_finish() {
    return explain_execution(
        "finish ('" + settled_ids() +
        "', array_fill(-1::bigint, ARRAY[300]), array_fill(0, ARRAY[300]), '{-1}', '{}', 1)");
  }

  // With a claim that it may close, and undone.
  std::string explain_execution(const std::string& call) {
    pump_.exec("BEGIN");
    pump_.exec("INSERT INTO sluice.claim (id, runtime, pump, ids) VALUES (-1, 1, 0, '{}')");
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

  void expect_good(const std::string& plan, int claimed) {
    EXPECT_NE(plan.find("Index Scan using \"Outbox_status_createdAt_idx\""), std::string::npos) << plan;
    EXPECT_NE(plan.find("Index Cond: ((ROW(status, \"createdAt\") >= ROW('pending'"), std::string::npos)
        << plan;
    EXPECT_EQ(plan.find("Outbox_pkey"), std::string::npos) << plan;
    EXPECT_EQ(largest(plan, "Tid Scan.*loops=(\\d+)"), batch) << plan;
    EXPECT_NE(plan.find("Limit (actual rows=" + std::to_string(claimed) + " "), std::string::npos) << plan;
    EXPECT_LT(largest(plan, "shared hit=(\\d+)"), 80L * batch) << plan;
    expect_no_detour(plan);

    const std::string finish = explain_finish();
    EXPECT_NE(finish.find("Index Scan using \"Outbox_pkey\""), std::string::npos) << finish;
    EXPECT_LT(largest(finish, "shared hit=(\\d+)"), 80L * batch) << finish;
    expect_no_detour(finish);
  }

  static void expect_no_detour(const std::string& plan) {
    for (const char* wrong : {"Seq Scan on \"Outbox\"", "Outbox_status_idx", "Outbox_createdAt_idx",
                              "Outbox_type_idx", "Bitmap"}) {
      EXPECT_EQ(plan.find(wrong), std::string::npos) << wrong << "\n" << plan;
    }
    EXPECT_LE(largest(plan, "Rows Removed by [A-Za-z ]+: (\\d+)"), 0) << plan;
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
  expect_good(explain("-Infinity"), batch);
}

TEST_F(Plan, NeverAnalysed) {
  world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
  plan_when_empty();
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  expect_good(explain("-Infinity"), batch);
}

TEST_F(Plan, MostlyDone) {
  world_.fill(100'000, "noop", "done", "d");
  world_.fill(500, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  expect_good(explain("-Infinity"), batch);
}

TEST_F(Plan, MostlyPending) {
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  expect_good(explain("-Infinity"), batch);
}

TEST_F(Plan, TheCursorIsWhereTheIndexScanStarts) {
  world_.fill(100'000, "noop", "pending", "n");
  world_.fill(batch, "noop", "processing", "p");
  world_.database().exec("VACUUM ANALYZE \"Outbox\"");
  const std::string near_the_end =
      world_.database().value("SELECT date_part('epoch', timestamp '2026-01-01' + interval '99950 ms')");
  const std::string plan = explain(near_the_end);
  expect_good(plan, 51);
}

}  // namespace
}  // namespace sluice::test
