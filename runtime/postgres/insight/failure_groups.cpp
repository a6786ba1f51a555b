#include "postgres/insight/failure_groups.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "postgres/desk/job_rows.hpp"
#include "postgres/desk/likeness.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

constexpr std::int64_t most_attempts = 20'000;

FailureGroup group_of(const pqxx::row& row) {
  FailureGroup group;
  group.type = text_of(row[0]);
  group.code = text_of(row[1]);
  group.error = text_of(row[2]);
  group.frame = text_of(row[3]);
  group.message = likeness(group.error);
  group.attempts = row[4].as<std::int64_t>();
  group.first = moment_of(row, 5);
  group.last = moment_of(row, 7);
  group.versions = texts_of(row[9]);
  group.example = text_of(row[10]);
  return group;
}

void merge(FailureGroup& into, FailureGroup group) {
  into.attempts += group.attempts;
  if (group.first.age > into.first.age) into.first = group.first;
  for (auto& version : group.versions) into.versions.push_back(std::move(version));
  if (group.last.age >= into.last.age) return;
  into.last = group.last;
  into.example = std::move(group.example);
  into.error = std::move(group.error);
}

void sort_versions(FailureGroup& group) {
  std::sort(group.versions.begin(), group.versions.end());
  group.versions.erase(std::unique(group.versions.begin(), group.versions.end()), group.versions.end());
}

}  // namespace

std::string failures_statement(Time from, Time to) {
  const auto at = [](const char* column) {
    return moment(std::string("(") + column + " AT TIME ZONE 'UTC')");
  };
  return sql("failures", {{"from", instant(from)},
                          {"to", instant(to)},
                          {"most", std::to_string(most_attempts + 1)},
                          {"first", at("a.first")},
                          {"last", at("a.last")},
                          {"oldest", at("e.oldest")}});
}

Failures read_failures(pqxx::transaction_base& transaction, Time from, Time to) {
  Failures failures;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, FailureGroup> groups;
  for (const auto& row : transaction.exec(failures_statement(from, to))) {
    failures.attempts = row[11].as<std::int64_t>();
    failures.more = failures.attempts > most_attempts;
    if (failures.more) failures.horizon = moment_of(row, 12);
    if (row[0].is_null()) break;
    FailureGroup group = group_of(row);
    const auto key = std::make_tuple(group.type, group.code, group.frame, group.message);
    const auto [found, is_new] = groups.try_emplace(key, group);
    if (!is_new) merge(found->second, std::move(group));
  }
  for (auto& [key, group] : groups) {
    sort_versions(group);
    failures.groups.push_back(std::move(group));
  }
  std::stable_sort(failures.groups.begin(), failures.groups.end(),
                   [](const auto& a, const auto& b) { return a.attempts > b.attempts; });
  return failures;
}

std::string group_jobs_statement(const TableName& table) {
  return sql("group_jobs", table,
             {{"most", std::to_string(most_counted + 1)}, {"oldest", moment("e.oldest")}});
}

/// Without a sort, only the index on (status, "createdAt") gives the order.
std::string group_jobs_settings() {
  return "SET LOCAL enable_incremental_sort = off";
}

GroupJobs read_group_jobs(pqxx::transaction_base& transaction, const TableName& table,
                          const std::string& type, const std::string& code, const FailureLikeness& group) {
  GroupJobs jobs;
  transaction.exec(group_jobs_settings());
  for (const auto& row :
       exec(transaction, group_jobs_statement(table), base::valid_utf8(type), base::valid_utf8(code))) {
    if (row[4].as<std::int64_t>() > most_counted) jobs.horizon = moment_of(row, 5);
    if (row[0].is_null() || FailureLikeness{likeness(text_of(row[0])), text_of(row[1])} != group) continue;
    (row[2].as<bool>() ? jobs.planned : jobs.failed).count += row[3].as<std::int64_t>();
  }
  jobs.failed.more = jobs.planned.more = jobs.horizon.has_value();
  return jobs;
}

}  // namespace sluice::postgres
