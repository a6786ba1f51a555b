#include "postgres/schema/migrations.hpp"

#include "postgres/histograms.hpp"
#include "postgres/postgres_store.hpp"
#include "postgres/schema/effect_function.hpp"
#include "postgres/schema/indexes.hpp"
#include "postgres/schema/wake_trigger.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

/// A dollar-quoted constant, with a tag that the text does not contain.
std::string dollar_quoted(const std::string& text) {
  std::string tag = "$sluice$";
  for (int i = 1; text.find(tag) != std::string::npos; ++i) tag = "$sluice" + std::to_string(i) + "$";
  return tag + text + tag;
}

std::string anonymous_block(const std::string& body) {
  return "DO " + dollar_quoted(body) + ";\n";
}

}  // namespace

std::vector<Migration> migrations(const TableName& table) {
  const Fillings fillings{{"wake_channel", wake_channel},
                          {"waiting", histogram_sum("waiting", "sign * ")},
                          {"running", histogram_sum("running", "sign * ")},
                          {"waiting_before", histogram_sum("waiting")},
                          {"running_before", histogram_sum("running")},
                          {"waiting_added", histogram_added("t.waiting", "excluded.waiting")},
                          {"running_added", histogram_added("t.running", "excluded.running")}};
  const auto step = [&](int version, const char* title, const char* name) {
    return Migration{version, title, sql(name, table, fillings)};
  };
  return {step(1, "side tables", "side_tables"),
          step(2, "enqueue function", "enqueue_function"),
          step(3, "notifications", "notifications"),
          step(4, "waking", "waking"),
          step(5, "requests to cancel", "cancel_requests"),
          step(6, "cheaper waking", "cheaper_waking"),
          step(7, "what runtimes show", "activity"),
          step(8, "who is alive", "who_is_alive"),
          step(9, "webhook endpoints", "webhook_endpoints"),
          step(10, "numbers of claims", "claim_numbers"),
          step(11, "delays from the call on", "enqueue_function"),
          step(12, "who ran what", "traces"),
          step(13, "claims as receipts", "receipts"),
          step(14, "stacks of crashes", "stacks"),
          step(15, "outcomes by the minute", "minutes"),
          step(16, "what was done by hand", "audit"),
          step(17, "hosts of attempts", "hosts"),
          step(18, "descriptions of types and runtimes", "descriptions"),
          step(19, "sums of outcomes, attempts by code", "totals"),
          step(20, "follow-up jobs, limits of types, figures of hosts", "relations")};
}

std::string init_lock() {
  return "SET LOCAL lock_timeout = '1s';\n"
         "SET LOCAL client_min_messages = warning;\n"
         "SELECT pg_advisory_xact_lock(7598263422914291557);\n";
}

std::string outbox_check(const TableName& table, bool required) {
  const std::string missing = required ? sql("outbox_is_missing") : "NULL;";
  return anonymous_block("\n" + sql("check_outbox", table, {{"missing", missing}}) + "\n");
}

std::string outbox_creation(const TableName& table) {
  return anonymous_block("\n" +
                         sql("create_outbox", table,
                             {{"pkey", table.object("pkey")},
                              {"status_idx", table.object("status_idx")},
                              {"created_idx", table.object("createdAt_idx")},
                              {"type_idx", table.object("type_idx")},
                              {"status_created_idx", table.object("status_createdAt_idx")}}) +
                         "\n");
}

std::string schema_creation() {
  return anonymous_block("\n" + sql("create_schema") + "\n");
}

std::string migration_step(const Migration& migration) {
  return anonymous_block("\n" +
                         sql("migrate", {{"version", std::to_string(migration.version)},
                                         {"migration", migration.sql},
                                         {"title", quoted_literal(migration.name)}}) +
                         "\n");
}

std::string wake_trigger_step(const TableName& table, bool wanted) {
  return anonymous_block("\nBEGIN\n" + (wanted ? wake_trigger_creation(table) : wake_trigger_removal(table)) +
                         "EXCEPTION WHEN insufficient_privilege THEN NULL;\nEND;\n");
}

std::string init_sql(const PostgresOptions& options, std::optional<Indexes> indexes) {
  const TableName name = TableName::parse(options.table);
  std::string sql =
      "-- Makes what sluice init makes. Running it again does nothing.\n\\set ON_ERROR_STOP on\nBEGIN;\n" +
      init_lock() + outbox_check(name, false) + outbox_creation(name) + schema_creation();
  for (const auto& migration : migrations(name)) sql += migration_step(migration);
  sql += wake_trigger_step(name, options.wake);
  for (const auto& role : options.effect_roles) sql += effect_function_creation(role);
  for (const auto& role : options.grants.run) sql += run_grant(name, role);
  for (const auto& role : options.grants.enqueue) sql += enqueue_grant(role);
  sql += kept_grants();
  sql += "COMMIT;\n";
  if (!indexes) return sql;
  for (const auto& change : index_changes(name, *indexes)) sql += change.sql + ";\n";
  return sql;
}

}  // namespace sluice::postgres
