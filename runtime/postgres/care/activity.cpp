#include "postgres/care/activity.hpp"

#include <map>

#include "base/text.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

std::vector<RunningReport> running_of(const pqxx::result& rows) {
  std::vector<RunningReport> running;
  for (const auto& row : rows) {
    RunningReport report;
    report.job = {text_of(row[0]),
                  text_of(row[1]),
                  row[2].as<int>(),
                  text_of(row[3]),
                  row[4].as<int>(),
                  parse_double(text_of(row[5])),
                  {},
                  text_of(row[7])};
    if (!row[6].is_null()) report.job.fraction = parse_double(text_of(row[6]));
    report.runtime = row[8].as<RuntimeId>();
    running.push_back(std::move(report));
  }
  return running;
}

/// Without the zeros at its end.
std::vector<std::int64_t> without_zeros(const TimeHistogram& histogram) {
  std::vector<std::int64_t> counts(histogram.counts().begin(), histogram.counts().end());
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  return counts;
}

}  // namespace

void write_plugins(pqxx::transaction_base& transaction, RuntimeId runtime,
                   const std::vector<PluginReport>& plugins) {
  ArrayText paths, names, versions, states, reasons, hosts, wanted, slots, restarts, types, limits, canaries,
      abis, digests, figures;
  for (const auto& plugin : plugins) {
    paths.add(base::valid_utf8(plugin.path));
    names.add(base::valid_utf8(plugin.name));
    versions.add(base::valid_utf8(plugin.version));
    states.add(base::valid_utf8(plugin.state));
    reasons.add(base::valid_utf8(plugin.reason));
    hosts.add(std::int64_t{plugin.hosts});
    wanted.add(std::int64_t{plugin.hosts_wanted});
    slots.add(std::int64_t{plugin.slots});
    restarts.add(std::int64_t{plugin.restarts});
    types.add(array_text(plugin.types));
    limits.add(array_text(plugin.limits));
    canaries.add(base::valid_utf8(plugin.canary));
    abis.add(plugin.abi);
    digests.add(plugin.digest);
    figures.add(plugin.host_figures);
  }
  exec(transaction, sql("write_plugins"), runtime, paths.str(), names.str(), versions.str(), states.str(),
       reasons.str(), hosts.str(), wanted.str(), slots.str(), restarts.str(), types.str(), limits.str(),
       canaries.str(), abis.str(), digests.str(), figures.str());
}

void write_running(pqxx::transaction_base& transaction, RuntimeId runtime, const RunningChanges& changes) {
  ArrayText ids, types, attempts, plugins, hosts, ages, fractions, notes;
  for (const auto& job : changes.changed) {
    ids.add(base::valid_utf8(job.id));
    types.add(base::valid_utf8(job.type));
    attempts.add(std::int64_t{job.attempt});
    plugins.add(base::valid_utf8(job.plugin));
    hosts.add(std::int64_t{job.host_pid});
    ages.add(std::to_string(job.age));
    job.fraction ? fractions.add(std::to_string(*job.fraction)) : fractions.add_null();
    notes.add(base::valid_utf8(job.note));
  }
  exec(transaction, sql("write_running"), runtime, array_text(changes.over), ids.str(), types.str(),
       attempts.str(), plugins.str(), hosts.str(), ages.str(), fractions.str(), notes.str());
}

void write_minutes(pqxx::transaction_base& transaction, const std::vector<OutcomeCount>& outcomes) {
  ArrayText types, versions, names, counts, busy, waiting, running;
  for (const auto& one : outcomes) {
    types.add(base::valid_utf8(one.type));
    versions.add(base::valid_utf8(one.plugin_version));
    names.add(one.outcome);
    counts.add(one.count);
    busy.add(std::to_string(one.busy));
    waiting.add(array_text(without_zeros(one.waiting)));
    running.add(array_text(without_zeros(one.running)));
  }
  exec(transaction, sql("write_minutes"), types.str(), versions.str(), names.str(), counts.str(), busy.str(),
       waiting.str(), running.str());
}

std::size_t delete_expired(pqxx::transaction_base& transaction, const char* statement, std::size_t limit) {
  return static_cast<std::size_t>(exec(transaction, sql(statement), std::to_string(limit)).affected_rows());
}

void write_traces(pqxx::transaction_base& transaction, RuntimeId runtime, const std::vector<Trace>& traces,
                  job::Microseconds keep) {
  ArrayText ids, attempts, hosts, ages, took;
  for (const auto& trace : traces) {
    ids.add(base::valid_utf8(trace.id));
    attempts.add(std::int64_t{trace.attempt});
    hosts.add(std::int64_t{trace.host_pid});
    ages.add(std::to_string(trace.age));
    took.add(std::to_string(trace.took));
  }
  exec(transaction, sql("write_traces"), runtime,
       std::to_string(static_cast<double>(bounded_microseconds(keep)) / 1e6), ids.str(), attempts.str(),
       hosts.str(), ages.str(), took.str());
}

std::size_t delete_old_audit(pqxx::transaction_base& transaction, std::size_t limit, job::Microseconds keep) {
  return static_cast<std::size_t>(exec(transaction, sql("delete_old_audit"), std::to_string(limit),
                                       std::to_string(bounded_microseconds(keep)))
                                      .affected_rows());
}

void read_published_plugins(pqxx::transaction_base& transaction, std::vector<RuntimeReport>& runtimes) {
  std::map<RuntimeId, RuntimeReport*> by_id;
  for (auto& runtime : runtimes) by_id[runtime.id] = &runtime;
  for (const auto& row : transaction.exec(sql("read_plugins"))) {
    const auto runtime = by_id.find(row[0].as<RuntimeId>());
    if (runtime == by_id.end()) continue;
    runtime->second->plugins.push_back(
        {{text_of(row[1]), text_of(row[2]), text_of(row[3]), text_of(row[4]), text_of(row[5]),
          row[6].as<int>(), row[7].as<int>(), row[8].as<int>(), row[9].as<int>(), texts_of(row[10]),
          texts_of(row[11]), text_of(row[12]), text_of(row[14]), text_of(row[15]), text_of(row[16])},
         parse_double(text_of(row[13]))});
  }
}

std::vector<RunningReport> read_running(pqxx::transaction_base& transaction, const TableName& table) {
  return running_of(
      transaction.exec(sql("read_running", table, {{"most_running", std::to_string(most_running)}})));
}

std::vector<RunningReport> read_running_job(pqxx::transaction_base& transaction, const std::string& id) {
  return running_of(exec(transaction, sql("read_running_job"), id));
}

std::vector<Throughput> read_throughput(pqxx::transaction_base& transaction, double window) {
  std::vector<Throughput> outcomes;
  for (const auto& row : exec(transaction, sql("read_throughput"), std::to_string(window))) {
    const auto number = [&](int column) { return parse_double(text_of(row[column])); };
    outcomes.push_back({text_of(row[0]), number(1), number(2), number(3), number(4), number(5)});
  }
  return outcomes;
}

}  // namespace sluice::postgres
