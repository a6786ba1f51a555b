#include "postgres/insight/insight.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "postgres/desk/job_rows.hpp"
#include "postgres/insight/failure_groups.hpp"
#include "postgres/insight/job_pages.hpp"
#include "postgres/insight/marks.hpp"
#include "postgres/insight/series.hpp"
#include "postgres/insight/type_overviews.hpp"
#include "postgres/insight/version_outcomes.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

DatabaseState state_of(const pqxx::row& row) {
  DatabaseState state;
  state.server_version = text_of(row[0]);
  state.sees_all = row[1].as<bool>();
  state.live_rows = row[2].as<std::int64_t>();
  state.dead_rows = row[3].as<std::int64_t>();
  if (!row[4].is_null()) state.last_vacuum = moment_of(row, 4);
  state.table_bytes = row[6].as<std::int64_t>();
  state.index_bytes = row[7].as<std::int64_t>();
  state.schema_bytes = row[8].as<std::int64_t>();
  state.database_bytes = row[9].as<std::int64_t>();
  state.notification_queue = parse_double(text_of(row[10]));
  state.connections = row[11].as<std::int64_t>();
  state.connections_max = row[12].as<std::int64_t>();
  return state;
}

SnapshotHolder holder_of(const pqxx::row& row) {
  SnapshotHolder holder{text_of(row[0]), text_of(row[1]), {}, row[3].as<std::int64_t>()};
  if (!row[2].is_null()) holder.age = parse_double(text_of(row[2]));
  return holder;
}

AuditEntry entry_of(const pqxx::row& row) {
  AuditEntry entry;
  entry.id = row[0].as<std::int64_t>();
  entry.at = moment_of(row, 1);
  entry.actor = text_of(row[3]);
  entry.role = text_of(row[4]);
  entry.source = text_of(row[5]);
  entry.action = text_of(row[6]);
  entry.filter = text_of(row[7]);
  entry.ids = texts_of(row[8]);
  entry.affected = row[9].as<std::int64_t>();
  entry.over = row[10].as<bool>();
  return entry;
}

}  // namespace

std::string insight_settings() {
  return pump_settings("SET LOCAL") + "; " +
         sql("insight_settings", {{"limit", std::to_string(insight_limit.count())}});
}

PgInsight::PgInsight(const ConnectionString& target, const TableName& table)
    : table_(table), link_(with_statement_limit(target, insight_limit)) {
  link_.name_holders([this](pqxx::transaction_base& work) { return lock_holder(work, table_); });
}

template <typename Step>
auto PgInsight::ask(const std::string& what, Step&& step) {
  return link_.transact(what, [&](pqxx::transaction_base& work) {
    work.exec(insight_settings());
    return step(work);
  });
}

Series PgInsight::series(Time from, Time to, std::chrono::seconds step,
                         const std::optional<std::string>& type) {
  return ask("read what was done", [&](pqxx::transaction_base& transaction) {
    return read_series(transaction, from, to, step, type);
  });
}

std::vector<TypeOverview> PgInsight::types() {
  return ask("read the job types",
             [&](pqxx::transaction_base& transaction) { return read_type_overviews(transaction, table_); });
}

JobPage PgInsight::jobs(const JobQuery& query, Order order, const std::optional<JobKey>& after,
                        std::size_t limit, const std::vector<std::vector<std::string>>& columns) {
  return ask("list jobs", [&](pqxx::transaction_base& transaction) {
    return read_page(transaction, table_, query, order, after, limit, columns);
  });
}

JobCount PgInsight::count(const JobQuery& query) {
  return ask("count jobs",
             [&](pqxx::transaction_base& transaction) { return read_matches(transaction, table_, query); });
}

std::int64_t PgInsight::count_all(const JobQuery& query) {
  return ask("count all of these jobs", [&](pqxx::transaction_base& transaction) {
    return read_exact_count(transaction, table_, query);
  });
}

std::vector<VersionOutcomes> PgInsight::versions(Time from, Time to, const std::string& type) {
  return ask("read what versions did",
             [&](pqxx::transaction_base& transaction) { return read_versions(transaction, from, to, type); });
}

std::string PgInsight::schema(const std::string& type) {
  return ask("read the schema of a job type", [&](pqxx::transaction_base& transaction) {
    const auto rows = exec(transaction, sql("type_schema"), base::valid_utf8(type));
    return rows.empty() ? std::string() : text_of(rows[0][0]);
  });
}

Failures PgInsight::failures(Time from, Time to) {
  return ask("read the failures",
             [&](pqxx::transaction_base& transaction) { return read_failures(transaction, from, to); });
}

GroupJobs PgInsight::group_jobs(const std::string& type, const std::string& code,
                                const FailureLikeness& group) {
  return ask("count the jobs of a group of failures", [&](pqxx::transaction_base& transaction) {
    return read_group_jobs(transaction, table_, type, code, group);
  });
}

std::vector<Mark> PgInsight::marks(Time from, Time to) {
  return ask("read what was changed",
             [&](pqxx::transaction_base& transaction) { return read_marks(transaction, from, to); });
}

DatabaseState PgInsight::database() {
  return ask("look at the database", [&](pqxx::transaction_base& transaction) {
    const auto rows =
        transaction.exec(sql("database_state", table_, {{"last_vacuum", moment(sql("last_vacuum"))}}));
    if (rows.empty()) throw Refused("table " + table_.quoted() + " is missing: run sluice init");
    DatabaseState state = state_of(rows[0]);
    for (const auto& row : transaction.exec(sql("snapshot_holders"))) state.oldest.push_back(holder_of(row));
    return state;
  });
}

AuditPage PgInsight::audit(std::optional<std::int64_t> after, std::size_t limit) {
  return ask("read what was done by hand", [&](pqxx::transaction_base& transaction) {
    const std::string before = std::to_string(after.value_or(0));
    const std::string statement =
        sql("audit_page", {{"at", moment("(at AT TIME ZONE 'UTC')")}, {"most", std::to_string(limit + 1)}});
    AuditPage page;
    for (const auto& row : exec(transaction, statement, after ? before.c_str() : nullptr)) {
      page.entries.push_back(entry_of(row));
    }
    if (page.entries.size() <= limit) return page;
    page.entries.pop_back();
    if (!page.entries.empty()) page.next = page.entries.back().id;
    return page;
  });
}

}  // namespace sluice::postgres
