#include "store/pg_care.hpp"

#include "base/text.hpp"
#include "store/job_statements.hpp"
#include "store/pg_activity.hpp"
#include "store/pg_exec.hpp"
#include "store/pg_text.hpp"
#include "store/statements.hpp"

namespace sluice::store {

namespace {

// Takes the claims of the runtimes $1 away and answers with the jobs that only they name. A job that
// another runtime's claim names has moved on since.
constexpr const char* take_claims = R"(WITH taken AS (
  DELETE FROM sluice.claim WHERE runtime = ANY ($1::bigint[]) RETURNING runtime, ids),
named AS (
  SELECT i AS id, max(taken.runtime) AS runtime FROM taken, unnest(taken.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim c WHERE c.runtime <> ALL ($1::bigint[]) AND i = ANY (c.ids))
  GROUP BY i),
)";

// What becomes of these jobs. $2, $3: the policy of types that are not known. $4: the ids of those that may
// have run; null: all. $5, $6: what is recorded of them. The others are given back whole.
std::string release_sql(const TableName& table) {
  return std::string(take_claims) + R"(judged AS (
  SELECT n.id, n.runtime, $4::text[] IS NULL OR n.id = ANY ($4::text[]) AS ran FROM named n),
moved AS (
  UPDATE )" +
         table.quoted() + R"( o SET "updatedAt" = clock_timestamp() AT TIME ZONE 'UTC',
    attempts = CASE WHEN j.ran THEN o.attempts ELSE greatest(o.attempts - 1, 0) END,
    status = CASE WHEN j.ran AND (
        o.attempts >= coalesce((SELECT t.max_attempts FROM sluice.job_type t WHERE t.type = o.type), $2::int)
        OR coalesce((SELECT t.at_most_once FROM sluice.job_type t WHERE t.type = o.type), $3::bool))
      THEN 'error' ELSE 'pending' END
  FROM judged j WHERE o.id = ANY (ARRAY[j.id]) AND o.status IS NOT DISTINCT FROM 'processing'
  RETURNING o.id, o.type, o.attempts, o.status, j.runtime, j.ran),
noted AS (
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, runtime, host, pid)
  SELECT m.id, m.attempts, m.type, 'crashed', $5::text,
         format($6::text, r.host, r.pid, round(extract(epoch FROM now() - r.beat_at))), r.id, r.host, r.pid
  FROM moved m JOIN sluice.runtime r ON r.id = m.runtime WHERE m.ran),
unplanned AS (DELETE FROM sluice.schedule s USING moved m WHERE s.job_id = m.id)
SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'error') FROM moved)";
}

std::string id_array(const pqxx::result& rows) {
  ArrayText ids;
  for (const auto& row : rows) ids.add(row[0].as<std::int64_t>());
  return ids.str();
}

}  // namespace

PgCare::PgCare(const ConnectionString& target, const TableName& table)
    : table_(table), link_(target, [this](pqxx::connection& connection) {
        if (!link_.pooled()) pqxx::nontransaction(connection).exec(pump_settings("SET"));
      }) {}

RuntimeId PgCare::enlist(const RuntimeInfo& info) {
  return link_.use("enlist the runtime", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    return exec(session,
                "INSERT INTO sluice.runtime (host, pid, version, command) VALUES ($1, $2, $3, $4) RETURNING "
                "id",
                base::valid_utf8(info.host), info.pid, base::valid_utf8(info.version),
                base::valid_utf8(info.command))[0][0]
        .as<RuntimeId>();
  });
}

void PgCare::serve(RuntimeId runtime, const std::vector<ServedType>& types) {
  ArrayText names, plugins, versions, attempts, once;
  for (const auto& served : types) {
    names.add(base::valid_utf8(served.type));
    plugins.add(base::valid_utf8(served.plugin));
    versions.add(base::valid_utf8(served.plugin_version));
    attempts.add(std::int64_t{served.policy.max_attempts});
    once.add_flag(served.policy.at_most_once);
  }
  link_.use("record the served job types", [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    link_.limit(work);
    exec(work, "UPDATE sluice.runtime SET types = $2::text[] WHERE id = $1", runtime, names.str());
    exec(work,
         "INSERT INTO sluice.job_type AS t (type, plugin, plugin_version, max_attempts, at_most_once) "
         "SELECT DISTINCT ON (type) * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bool[]) "
         "AS u (type, plugin, plugin_version, max_attempts, at_most_once) ORDER BY type "
         "ON CONFLICT (type) DO UPDATE SET plugin = excluded.plugin, plugin_version = "
         "excluded.plugin_version, "
         "max_attempts = excluded.max_attempts, at_most_once = excluded.at_most_once, seen_at = now()",
         names.str(), plugins.str(), versions.str(), attempts.str(), once.str());
    work.commit();
  });
}

bool PgCare::beat(RuntimeId runtime) {
  return link_.use("beat", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    return !exec(session,
                 "WITH beaten AS (UPDATE sluice.runtime SET beat_at = now() WHERE id = $1 RETURNING wake) "
                 "SELECT CASE WHEN wake THEN sluice.set_wake() END FROM beaten",
                 runtime)
                .empty();
  });
}

void PgCare::leave(RuntimeId runtime, const Unwritten& unwritten) {
  ArrayText ran;
  for (const auto& id : unwritten.ids) ran.add(base::valid_utf8(id));
  link_.use("take leave", [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    link_.limit(work);
    const auto mine = exec(work, "SELECT id FROM sluice.runtime WHERE id = $1 FOR UPDATE", runtime);
    exec(work, release_sql(table_), id_array(mine), unwritten.fallback.max_attempts,
         unwritten.fallback.at_most_once, ran.str(), "outcome-lost",
         "runtime %s (process %s) stopped before the outcome of this attempt could be written");
    exec(work, "DELETE FROM sluice.runtime WHERE id = $1", runtime);
    work.exec("SELECT sluice.set_wake()");
    work.commit();
  });
}

std::size_t PgCare::promote_due(std::size_t limit) {
  return link_.use("make due jobs pending", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    return exec(session, promote_statement(table_), std::to_string(limit))[0][0].as<std::size_t>();
  });
}

Rescued PgCare::rescue(std::chrono::seconds lease, const job::RetryPolicy& fallback) {
  return link_.use("rescue the jobs of lost runtimes", [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    link_.limit(work);
    const auto dead =
        exec(work,
             "SELECT id FROM sluice.runtime WHERE beat_at < now() - make_interval(secs => $1::float8) "
             "FOR UPDATE SKIP LOCKED",
             std::to_string(lease.count()));
    Rescued rescued;
    if (dead.empty()) return rescued;
    const std::string ids = id_array(dead);
    const auto row = exec(
        work, release_sql(table_), ids, fallback.max_attempts, fallback.at_most_once, nullptr, "runtime-lost",
        "runtime lost: %s (process %s) did not beat for %s s; how far the job got is not known")[0];
    exec(work, "DELETE FROM sluice.runtime WHERE id = ANY ($1::bigint[])", ids);
    work.commit();
    rescued.runtimes = dead.size();
    rescued.pending = row[0].as<std::size_t>();
    rescued.error = row[1].as<std::size_t>();
    return rescued;
  });
}

// Most of the time there are none, and one look at an empty table is all.
std::vector<std::string> PgCare::cancel_requests(RuntimeId runtime) {
  return link_.use("look for jobs to cancel", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    std::vector<std::string> ids;
    if (session.exec("SELECT FROM sluice.cancel_request LIMIT 1").empty()) return ids;
    session.exec(end_requested_statement(table_));
    for (const auto& row :
         exec(session,
              "SELECT r.job_id FROM sluice.cancel_request r WHERE EXISTS (SELECT FROM sluice.claim c WHERE "
              "c.runtime = $1::bigint AND r.job_id = ANY (c.ids))",
              std::to_string(runtime))) {
      ids.emplace_back(row[0].c_str(), row[0].size());
    }
    return ids;
  });
}

void PgCare::publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) {
  link_.use("show the plugins", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    write_plugins(session, runtime, plugins);
  });
}

void PgCare::show_running(RuntimeId runtime, const RunningChanges& changes) {
  link_.use("show the running jobs", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    write_running(session, runtime, changes);
  });
}

void PgCare::count(const std::vector<Throughput>& outcomes) {
  link_.use("count outcomes", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    write_throughput(session, outcomes);
  });
}

void PgCare::announce(const std::string& text) {
  link_.use("announce", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    exec(session, "SELECT pg_notify($1::text, $2::text)", announcement_channel, base::valid_utf8(text));
  });
}

std::size_t PgCare::tidy(std::size_t limit) {
  std::size_t deleted = tidy_keys(limit);
  for (const char* table : {"sluice.attempt", "sluice.schedule", "sluice.output"}) {
    deleted += tidy_side_table(table, limit);
  }
  return deleted;
}

std::size_t PgCare::tidy_side_table(const std::string& table, std::size_t limit) {
  return link_.use("delete records of deleted jobs", [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    return static_cast<std::size_t>(exec(session,
                                         "DELETE FROM " + table +
                                             " WHERE ctid = ANY (ARRAY (SELECT s.ctid FROM " + table +
                                             " s WHERE NOT EXISTS (SELECT FROM " + table_.quoted() +
                                             " o WHERE o.id = s.job_id) LIMIT $1::bigint))",
                                         std::to_string(limit))
                                        .affected_rows());
  });
}

// Two statements: a key may be taken over for a new job at any moment, so it is locked first and looked
// at again under the lock.
std::size_t PgCare::tidy_keys(std::size_t limit) {
  const std::string orphaned = " NOT EXISTS (SELECT FROM " + table_.quoted() + " o WHERE o.id = k.job_id)";
  return link_.use("delete unique keys of deleted jobs", [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    link_.limit(work);
    ArrayText keys;
    for (const auto& row : exec(work,
                                "SELECT k.key FROM sluice.unique_key k WHERE" + orphaned +
                                    " LIMIT $1::bigint FOR UPDATE SKIP LOCKED",
                                std::to_string(limit))) {
      keys.add(std::string_view(row[0].c_str(), row[0].size()));
    }
    const auto deleted = exec(
        work, "DELETE FROM sluice.unique_key k WHERE k.key = ANY ($1::text[]) AND" + orphaned, keys.str());
    work.commit();
    return static_cast<std::size_t>(deleted.affected_rows());
  });
}

}  // namespace sluice::store
