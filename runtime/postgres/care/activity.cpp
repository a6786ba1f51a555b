#include "postgres/care/activity.hpp"

#include <cmath>
#include <map>

#include "base/text.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

constexpr const char* running_columns =
    "r.job_id, r.type, r.attempt, r.plugin, r.host_pid, "
    "date_part('epoch', now() - r.started_at), r.fraction, r.note, r.runtime";

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

}  // namespace

void write_plugins(pqxx::transaction_base& transaction, RuntimeId runtime,
                   const std::vector<PluginReport>& plugins) {
  ArrayText paths, names, versions, states, reasons, hosts, wanted, slots, restarts, types;
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
  }
  exec(
      transaction,
      "WITH gone AS (DELETE FROM sluice.plugin WHERE runtime = $1 AND place > cardinality($2::text[])) "
      "INSERT INTO sluice.plugin AS p (runtime, path, name, version, state, reason, hosts, hosts_wanted, "
      "slots, restarts, types, place) "
      "SELECT $1, path, name, version, state, reason, hosts, wanted, slots, restarts, types::text[], place "
      "FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[], "
      "$9::int[], $10::int[], $11::text[]) WITH ORDINALITY "
      "AS u (path, name, version, state, reason, hosts, wanted, slots, restarts, types, place) "
      "WHERE EXISTS (SELECT FROM sluice.runtime WHERE id = $1) "
      "ON CONFLICT (runtime, place) DO UPDATE SET path = excluded.path, name = excluded.name, "
      "version = excluded.version, state = excluded.state, reason = excluded.reason, hosts = excluded.hosts, "
      "hosts_wanted = excluded.hosts_wanted, slots = excluded.slots, restarts = excluded.restarts, "
      "types = excluded.types, changed_at = CASE WHEN (p.path, p.version, p.state) = "
      "(excluded.path, excluded.version, excluded.state) THEN p.changed_at ELSE now() END",
      runtime, paths.str(), names.str(), versions.str(), states.str(), reasons.str(), hosts.str(),
      wanted.str(), slots.str(), restarts.str(), types.str());
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
  exec(transaction,
       "WITH gone AS (DELETE FROM sluice.running WHERE runtime = $1 AND job_id = ANY ($2::text[])) "
       "INSERT INTO sluice.running AS r (runtime, job_id, type, attempt, plugin, host_pid, started_at, "
       "fraction, note) "
       "SELECT $1, id, type, attempt, plugin, host, now() - make_interval(secs => age), fraction, note "
       "FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::float8[], $9::float8[], "
       "$10::text[]) AS u (id, type, attempt, plugin, host, age, fraction, note) "
       "WHERE EXISTS (SELECT FROM sluice.runtime WHERE id = $1) "
       "ON CONFLICT (job_id, runtime) DO UPDATE SET attempt = excluded.attempt, plugin = excluded.plugin, "
       "host_pid = excluded.host_pid, started_at = excluded.started_at, fraction = excluded.fraction, "
       "note = excluded.note, at = now()",
       runtime, array_text(changes.over), ids.str(), types.str(), attempts.str(), plugins.str(), hosts.str(),
       ages.str(), fractions.str(), notes.str());
}

void write_throughput(pqxx::transaction_base& transaction, const std::vector<Throughput>& outcomes) {
  ArrayText types, done, retrying, failed, snoozed, busy;
  for (const auto& one : outcomes) {
    types.add(base::valid_utf8(one.type));
    done.add(std::llround(one.done));
    retrying.add(std::llround(one.retrying));
    failed.add(std::llround(one.failed));
    snoozed.add(std::llround(one.snoozed));
    busy.add(std::to_string(one.busy));
  }
  exec(transaction,
       "WITH old AS (DELETE FROM sluice.throughput WHERE minute < now() - interval '2 days') "
       "INSERT INTO sluice.throughput AS t (minute, type, done, retrying, failed, snoozed, busy) "
       "SELECT date_trunc('minute', now()), type, done, retrying, failed, snoozed, make_interval(secs => "
       "busy) "
       "FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::float8[]) "
       "AS u (type, done, retrying, failed, snoozed, busy) ORDER BY type "
       "ON CONFLICT (minute, type) DO UPDATE SET done = t.done + excluded.done, "
       "retrying = t.retrying + excluded.retrying, failed = t.failed + excluded.failed, "
       "snoozed = t.snoozed + excluded.snoozed, busy = t.busy + excluded.busy",
       types.str(), done.str(), retrying.str(), failed.str(), snoozed.str(), busy.str());
}

// One row for a batch: a row for each job would cost as much as the job.
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
  exec(transaction,
       "INSERT INTO sluice.trace (keep_until, runtime, host, pid, job_ids, attempts, host_pids, ended_at, "
       "took) "
       "SELECT now() + make_interval(secs => $2::float8), r.id, r.host, r.pid, $3::text[], $4::int[], "
       "$5::int[], "
       "ARRAY(SELECT now() - make_interval(secs => age) FROM unnest($6::float8[]) WITH ORDINALITY u (age, "
       "place) "
       "ORDER BY place), $7::float4[] FROM sluice.runtime r WHERE r.id = $1",
       runtime, std::to_string(static_cast<double>(bounded_microseconds(keep)) / 1e6), ids.str(),
       attempts.str(), hosts.str(), ages.str(), took.str());
}

std::size_t delete_old_traces(pqxx::transaction_base& transaction, std::size_t limit) {
  return static_cast<std::size_t>(
      exec(
          transaction,
          "DELETE FROM sluice.trace WHERE ctid = ANY (ARRAY(SELECT ctid FROM sluice.trace WHERE keep_until < "
          "now() ORDER BY keep_until LIMIT $1 FOR UPDATE SKIP LOCKED))",
          std::to_string(limit))
          .affected_rows());
}

void read_published_plugins(pqxx::transaction_base& transaction, std::vector<RuntimeReport>& runtimes) {
  std::map<RuntimeId, RuntimeReport*> by_id;
  for (auto& runtime : runtimes) by_id[runtime.id] = &runtime;
  for (const auto& row : transaction.exec(
           "SELECT runtime, path, name, version, state, reason, hosts, hosts_wanted, slots, restarts, types, "
           "date_part('epoch', now() - changed_at) FROM sluice.plugin ORDER BY runtime, place")) {
    const auto runtime = by_id.find(row[0].as<RuntimeId>());
    if (runtime == by_id.end()) continue;
    runtime->second->plugins.push_back(
        {{text_of(row[1]), text_of(row[2]), text_of(row[3]), text_of(row[4]), text_of(row[5]),
          row[6].as<int>(), row[7].as<int>(), row[8].as<int>(), row[9].as<int>(), texts_of(row[10])},
         parse_double(text_of(row[11]))});
  }
}

// Its row may outlive a job by a second.
std::vector<RunningReport> read_running(pqxx::transaction_base& transaction, const TableName& table) {
  return running_of(transaction.exec("SELECT " + std::string(running_columns) +
                                     " FROM sluice.running r JOIN " + table.quoted() +
                                     " o ON o.id = r.job_id AND o.status = 'processing' AND o.attempts = "
                                     "r.attempt ORDER BY r.started_at, r.job_id LIMIT " +
                                     std::to_string(most_running)));
}

std::vector<RunningReport> read_running_job(pqxx::transaction_base& transaction, const std::string& id) {
  return running_of(exec(transaction,
                         "SELECT " + std::string(running_columns) +
                             " FROM sluice.running r WHERE r.job_id = $1::text ORDER BY "
                             "r.attempt DESC, r.at DESC LIMIT 1",
                         id));
}

// Of a minute that lies in the window for a part, that part.
std::vector<Throughput> read_throughput(pqxx::transaction_base& transaction, double window) {
  std::vector<Throughput> outcomes;
  for (const auto& row :
       exec(transaction,
            "SELECT type, sum(done * share), sum(retrying * share), sum(failed * share), "
            "sum(snoozed * share), sum(date_part('epoch', busy) * share) FROM (SELECT *, least(1, "
            "date_part('epoch', minute + interval '1 min' - (now() - make_interval(secs => $1::float8))) / "
            "60) "
            "AS share FROM sluice.throughput "
            "WHERE minute > now() - make_interval(secs => $1::float8) - interval '1 min') AS t "
            "GROUP BY type ORDER BY type",
            std::to_string(window))) {
    const auto number = [&](int column) { return parse_double(text_of(row[column])); };
    outcomes.push_back({text_of(row[0]), number(1), number(2), number(3), number(4), number(5)});
  }
  return outcomes;
}

}  // namespace sluice::postgres
