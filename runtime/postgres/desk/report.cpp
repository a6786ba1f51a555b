#include "postgres/desk/report.hpp"

#include <map>

#include "postgres/care/activity.hpp"
#include "postgres/desk/counts.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

void read_plugins(pqxx::transaction_base& transaction, Report& report) {
  const auto rows = transaction.exec(sql("served_types"));
  std::map<std::string, pqxx::row> types;
  for (const auto& row : rows) types.emplace(text_of(row[0]), row);
  for (auto& waiting : report.waiting) {
    const auto found = types.find(waiting.type);
    if (found == types.end()) continue;
    waiting.plugin = text_of(found->second[1]);
    waiting.plugin_version = text_of(found->second[2]);
    waiting.served = found->second[3].as<bool>();
  }
}

}  // namespace

std::vector<RuntimeReport> read_runtimes(pqxx::transaction_base& transaction) {
  std::vector<RuntimeReport> runtimes;
  const auto rows = transaction.exec(sql("runtimes"));
  for (const auto& row : rows) {
    RuntimeReport runtime;
    runtime.id = row[0].as<RuntimeId>();
    runtime.info = {text_of(row[1]), row[2].as<int>(), text_of(row[3]), text_of(row[4])};
    runtime.uptime = parse_double(text_of(row[5]));
    runtime.since_beat = parse_double(text_of(row[6]));
    runtime.claimed = row[7].as<std::int64_t>();
    runtime.live = row[8].as<bool>();
    runtime.settings = text_of(row[9]);
    runtimes.push_back(runtime);
  }
  return runtimes;
}

namespace {

std::vector<PausedType> read_paused(pqxx::transaction_base& transaction) {
  std::vector<PausedType> paused;
  for (const auto& row : transaction.exec(
           "SELECT type, date_part('epoch', now() - at), actor, reason FROM sluice.paused ORDER BY type")) {
    paused.push_back({text_of(row[0]), parse_double(text_of(row[1])), text_of(row[2]), text_of(row[3])});
  }
  return paused;
}

std::int64_t count_stuck(pqxx::transaction_base& transaction, const TableName& table) {
  return transaction.exec(sql("count_stuck", table))[0][0].as<std::int64_t>();
}

}  // namespace

void read_activity(pqxx::transaction_base& transaction, Report& report) {
  constexpr double minute = 60;
  transaction.exec(pump_settings("SET LOCAL"));
  report.runtimes = read_runtimes(transaction);
  read_published_plugins(transaction, report.runtimes);
  report.last_minute = read_throughput(transaction, minute);
  report.last_hour = read_throughput(transaction, 60 * minute);
  report.paused = read_paused(transaction);
  const auto due = transaction.exec(
      "SELECT greatest(date_part('epoch', min(due) - now()), 0) FROM sluice.schedule "
      "HAVING count(*) > 0");
  if (!due.empty()) report.next_due = parse_double(text_of(due[0][0]));
}

void read_running_jobs(pqxx::transaction_base& transaction, const TableName& table, Report& report) {
  transaction.exec(pump_settings("SET LOCAL"));
  report.running = read_running(transaction, table);
  report.stuck = count_stuck(transaction, table);
}

Report read_report(pqxx::transaction_base& transaction, const TableName& table, bool exact) {
  Report report;
  read_counts(transaction, table, exact, report);
  read_activity(transaction, report);
  read_running_jobs(transaction, table, report);
  read_plugins(transaction, report);
  return report;
}

/// On one core of the server, and with a time limit.
std::vector<QueueDepth> read_depths(pqxx::transaction_base& transaction, const TableName& table,
                                    std::size_t most) {
  transaction.exec(pump_settings("SET LOCAL") +
                   "; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL statement_timeout = '10s'");
  std::vector<QueueDepth> depths;
  for (const auto& row : exec(transaction, sql("depths", table), std::to_string(most))) {
    depths.push_back(
        {text_of(row[0]), text_of(row[1]), row[2].as<std::int64_t>(), parse_double(text_of(row[3]))});
  }
  return depths;
}

}  // namespace sluice::postgres
