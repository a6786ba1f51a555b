#include "postgres/care/care.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "postgres/care/activity.hpp"
#include "postgres/care/alive.hpp"
#include "postgres/desk/job_statements.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/schema/wake_trigger.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

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
// have run. $5, $6: what is recorded of them. The others are given back whole: nothing is written of those
// that were never marked.
std::string release_sql(const TableName& table) {
  return filled(std::string(take_claims) + R"(judged AS (
  SELECT n.id, n.runtime, n.id = ANY ($4::text[]) AS ran FROM named n),
moved AS (
  UPDATE {outbox} o SET "updatedAt" = {now},
    attempts = CASE WHEN j.ran THEN {this_attempt} ELSE greatest(o.attempts - 1, 0) END,
    status = CASE WHEN j.ran AND (
        {this_attempt} >= coalesce((SELECT t.max_attempts FROM sluice.job_type t WHERE t.type = o.type), $2::int)
        OR coalesce((SELECT t.at_most_once FROM sluice.job_type t WHERE t.type = o.type), $3::bool))
      THEN 'error' ELSE 'pending' END
  FROM judged j WHERE o.id = ANY (ARRAY[j.id])
    AND (o.status IS NOT DISTINCT FROM 'processing' OR j.ran AND o.status IS NOT DISTINCT FROM 'pending')
  RETURNING o.id, o.type, o.attempts, o.status, j.runtime, j.ran),
noted AS (
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, runtime, host, pid)
  SELECT m.id, m.attempts, m.type, 'crashed', $5::text,
         format($6::text, r.host, r.pid, round(extract(epoch FROM now() - r.beat_at))), r.id, r.host, r.pid
  FROM moved m JOIN sluice.runtime r ON r.id = m.runtime WHERE m.ran),
unplanned AS (DELETE FROM sluice.schedule s USING moved m WHERE s.job_id = m.id)
SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'error') FROM moved)",
                table);
}

// Of the runtimes that are dead, whether that may be said of them by now. $1: the judge, $2: since when it
// knows.
std::string dead_sql() {
  return "SELECT r.id, to_timestamp($2::float8) + r.lease < now() AND ($1::bigint = 0 OR EXISTS (SELECT FROM "
         "sluice.runtime me WHERE me.id = $1::bigint AND " +
         is_alive("me") +
         ")), EXISTS (SELECT FROM sluice.claim c WHERE c.runtime = r.id) "
         "FROM sluice.runtime r WHERE r.id <> $1::bigint AND r.command <> 'lost' AND NOT " +
         is_alive("r") + " FOR UPDATE OF r SKIP LOCKED";
}

// What is left of the dead runtime $1 under another number, and its claims likewise: so nothing that it still
// does under the numbers that it knows has an effect. What others' claims name is theirs.
constexpr const char* bury_sql = R"(WITH buried AS (
  INSERT INTO sluice.runtime (host, pid, version, command, started_at, beat_at, lease)
  SELECT host, pid, version, 'lost', started_at, beat_at, lease FROM sluice.runtime WHERE id = $1::bigint
    AND EXISTS (SELECT FROM sluice.claim WHERE runtime = $1::bigint)
  RETURNING id)
UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT, runtime = buried.id, ids = ARRAY (SELECT i FROM unnest(c.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim other WHERE other.runtime <> $1::bigint AND i = ANY (other.ids)))
FROM buried WHERE c.runtime = $1::bigint)";

// Moves the jobs of some claims of buried runtimes, but for those whose rows somebody has locked. $1: the
// attempts of types that are not known, $2: whether these run at most once, $3: how many claims.
std::string settle_buried_sql(const TableName& table) {
  return filled(R"(WITH part AS MATERIALIZED (
  SELECT c.id, c.runtime, c.ids FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
  WHERE r.command = 'lost' ORDER BY c.id LIMIT $3::int FOR UPDATE OF c SKIP LOCKED),
named AS MATERIALIZED (
  SELECT i AS id, max(part.runtime) AS runtime FROM part, unnest(part.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
                    WHERE r.command <> 'lost' AND i = ANY (c.ids))
  GROUP BY i),
free AS MATERIALIZED (
  SELECT o.ctid AS place, n.runtime FROM named n, {outbox} o
  WHERE o.id = ANY (ARRAY[n.id]) AND {is_ours} FOR NO KEY UPDATE OF o SKIP LOCKED),
moved AS (
  UPDATE {outbox} o SET "updatedAt" = {now}, attempts = {this_attempt}, status = CASE
    WHEN {this_attempt} >= coalesce((SELECT t.max_attempts FROM sluice.job_type t WHERE t.type = o.type), $1::int)
      OR coalesce((SELECT t.at_most_once FROM sluice.job_type t WHERE t.type = o.type), $2::bool)
    THEN 'error' ELSE 'pending' END
  FROM free f WHERE o.ctid = f.place AND {is_ours}
  RETURNING o.id, o.type, o.attempts, o.status, f.runtime),
noted AS (
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, runtime, host, pid)
  SELECT m.id, m.attempts, m.type, 'crashed', 'runtime-lost',
         format('runtime lost: %s (process %s) did not beat for %s s; how far the job got is not known',
                r.host, r.pid, round(extract(epoch FROM now() - r.beat_at))), r.id, r.host, r.pid
  FROM moved m JOIN sluice.runtime r ON r.id = m.runtime),
unplanned AS (DELETE FROM sluice.schedule s USING moved m WHERE s.job_id = m.id),
held AS MATERIALIZED (
  SELECT n.id FROM named n WHERE n.id NOT IN (SELECT id FROM moved)
    AND EXISTS (SELECT FROM {outbox} o WHERE o.id = ANY (ARRAY[n.id]) AND {is_ours})),
kept AS (
  UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT, ids = ARRAY (SELECT i FROM unnest(c.ids) i WHERE i IN (SELECT id FROM held))
  FROM part s WHERE c.id = s.id AND s.ids && ARRAY (SELECT id FROM held) RETURNING 1),
closed AS (
  DELETE FROM sluice.claim c USING part s WHERE c.id = s.id AND NOT s.ids && ARRAY (SELECT id FROM held) RETURNING 1)
SELECT (SELECT count(*) FROM moved WHERE status = 'pending'), (SELECT count(*) FROM moved WHERE status = 'error'),
       (SELECT count(*) FROM closed))",
                table);
}

// Makes two claims of the first one of a buried runtime. Answers the new one, null where it names one job
// only: that claim comes last from now on; and this job.
constexpr const char* halve_buried_sql = R"(WITH first AS MATERIALIZED (
  SELECT c.id, c.runtime, c.pump, c.ids, cardinality(c.ids) / 2 AS half
  FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
  WHERE r.command = 'lost' ORDER BY c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED),
made AS (
  INSERT INTO sluice.claim (runtime, pump, ids) SELECT runtime, pump, ids[half + 1:] FROM first WHERE half > 0
  RETURNING id),
kept AS (
  UPDATE sluice.claim c SET ids = first.ids[:half] FROM first WHERE c.id = first.id AND half > 0 RETURNING 1),
last AS (
  UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT FROM first WHERE c.id = first.id AND half = 0 RETURNING 1)
SELECT (SELECT id FROM made), ids[1] FROM first)";

// The next records of a table, and those of them whose job is gone.
std::string page_sql(const char* table, const char* key, const char* type, bool first) {
  return std::string("SELECT ctid AS place, ") + key + " AS key, job_id FROM " + table +
         (first ? std::string() : std::string(" WHERE ") + key + " > $2::" + type) + " ORDER BY " + key +
         " LIMIT $1::bigint";
}

constexpr std::size_t claims_at_once = 20;
constexpr std::chrono::milliseconds rescue_time{200};

// So that a lock on the table, or a statement that takes too long, costs this round alone.
std::string patience(const std::string& scope) {
  return scope + " lock_timeout = '300ms'; " + scope + " statement_timeout = '5s'";
}

std::string id_array(const pqxx::result& rows) {
  ArrayText ids;
  for (const auto& row : rows) ids.add(row[0].as<std::int64_t>());
  return ids.str();
}

}  // namespace

PgCare::PgCare(const ConnectionString& target, const TableName& table)
    : table_(table), link_(target, [this](pqxx::connection& connection) {
        if (link_.pooled()) return;
        pqxx::nontransaction(connection).exec(pump_settings("SET") + "; " + patience("SET"));
      }) {}

template <typename Step>
auto PgCare::without_waiting(std::string_view what, Step&& step) {
  return link_.use(what, [&](pqxx::connection& connection) {
    try {
      return step(connection);
    } catch (const pqxx::sql_error& error) {
      if (!gave_up_waiting(error)) throw;
      throw HeldUp("could not " + std::string(what) + " in " + link_.description() + ": " +
                   server_message(error.what()));
    }
  });
}

/// Runs `step(transaction)` in a transaction of its own.
template <typename Step>
auto PgCare::in_transaction(std::string_view what, Step&& step) {
  return without_waiting(what, [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    link_.limit(work);
    if (link_.pooled()) work.exec(pump_settings("SET LOCAL") + "; " + patience("SET LOCAL"));
    auto answer = step(work);
    work.commit();
    return answer;
  });
}

/// The same for a single statement.
template <typename Step>
auto PgCare::at_once(std::string_view what, Step&& step) {
  if (link_.pooled()) return in_transaction(what, [&](pqxx::work& work) { return step(work); });
  return without_waiting(what, [&](pqxx::connection& connection) {
    pqxx::nontransaction session(connection);
    return step(session);
  });
}

RuntimeId PgCare::enlist(const RuntimeInfo& info) {
  return at_once("enlist the runtime", [&](pqxx::transaction_base& session) {
    return exec(session,
                "INSERT INTO sluice.runtime (host, pid, version, command, lease) VALUES ($1, $2, $3, $4, "
                "make_interval(secs => $5::bigint / 1e6)) RETURNING id",
                base::valid_utf8(info.host), info.pid, base::valid_utf8(info.version),
                base::valid_utf8(info.command), std::to_string(bounded_microseconds(info.lease)))[0][0]
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
  in_transaction("record the served job types", [&](pqxx::work& work) {
    exec(work,
         "INSERT INTO sluice.job_type AS t (type, plugin, plugin_version, max_attempts, at_most_once) "
         "SELECT DISTINCT ON (type) * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bool[]) "
         "AS u (type, plugin, plugin_version, max_attempts, at_most_once) ORDER BY type "
         "ON CONFLICT (type) DO UPDATE SET plugin = excluded.plugin, plugin_version = "
         "excluded.plugin_version, "
         "max_attempts = excluded.max_attempts, at_most_once = excluded.at_most_once, seen_at = now()",
         names.str(), plugins.str(), versions.str(), attempts.str(), once.str());
    // Last, as the heart writes that row.
    return exec(work, "UPDATE sluice.runtime SET types = $2::text[] WHERE id = $1", runtime, names.str());
  });
}

void PgCare::leave(RuntimeId runtime, const Unfinished& unfinished) {
  ArrayText ran;
  for (const auto& id : unfinished.ids) ran.add(base::valid_utf8(id));
  link_.use("take leave", [&](pqxx::connection& connection) {
    pqxx::work work(connection);
    link_.limit(work);
    work.exec("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0");  // the stop has its own limit
    const auto mine = exec(work, "SELECT id FROM sluice.runtime WHERE id = $1 FOR UPDATE", runtime);
    exec(work, release_sql(table_), id_array(mine), unfinished.fallback.max_attempts,
         unfinished.fallback.at_most_once, ran.str(), "outcome-lost",
         "runtime %s (process %s) stopped before the outcome of this attempt could be written");
    exec(work, "DELETE FROM sluice.runtime WHERE id = $1", runtime);
    work.exec("SELECT sluice.set_wake()");
    work.commit();
  });
}

// Where a row refuses to become pending, fewer at a time are tried until it is alone.
Promoted PgCare::promote_due(std::size_t limit) {
  Promoted all;
  for (std::size_t most = limit;;) {
    try {
      const Promoted some = promote(most);
      all.used += some.used;
      all.held += some.held;
      if (!some.held_job.empty()) all.held_job = some.held_job;
      all.next = some.next;
      if (most == limit || some.used + some.held < most) return all;
    } catch (const Refused& error) {
      if (most == 1) {
        all.refused_job = postpone();
        all.refusal = error.what();
        return all;
      }
    }
    most = std::max<std::size_t>(1, most / 2);
  }
}

std::string PgCare::postpone() {
  return at_once("put a due job off", [&](pqxx::transaction_base& session) {
    const auto rows = session.exec(
        "UPDATE sluice.schedule s SET due = now() + interval '1 min' FROM (SELECT job_id FROM "
        "sluice.schedule "
        "WHERE due <= now() ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED) first WHERE s.job_id = first.job_id "
        "RETURNING s.job_id");
    return rows.empty() ? std::string() : text_of(rows[0][0]);
  });
}

Promoted PgCare::promote(std::size_t limit) {
  return at_once("make due jobs pending", [&](pqxx::transaction_base& session) {
    const auto row = exec(session, promote_statement(table_), std::to_string(limit))[0];
    Promoted promoted{row[0].as<std::size_t>(), row[1].as<std::size_t>(), text_of(row[2])};
    if (!row[3].is_null()) promoted.next = parse_double(text_of(row[3]));
    if (promoted.used > 0) session.exec(wake_notification());  // others may have room for them
    return promoted;
  });
}

// The dead can do nothing any more as soon as they are buried, which takes no lock on the outbox; their jobs
// follow, some at a time.
Rescued PgCare::rescue(const Judge& judge, const job::RetryPolicy& fallback) {
  Rescued rescued;
  if (!bury(judge, rescued)) return rescued;
  const auto end = base::Clock::now() + rescue_time;
  std::size_t claims = claims_at_once;
  try {
    while (base::Clock::now() < end) {
      try {
        if (!settle_buried(fallback, claims, rescued)) break;
      } catch (const Refused& error) {
        if (claims == 1 && !halve_buried(rescued, error)) break;
        claims = 1;
      }
    }
  } catch (const HeldUp&) {
    if (rescued.runtimes + rescued.pending + rescued.error == 0) throw;  // else what was done is to be told
  }
  return rescued;
}

// Whether there are any whose jobs have not followed yet.
bool PgCare::bury(const Judge& judge, Rescued& rescued) {
  return in_transaction("look for lost runtimes", [&](pqxx::work& work) {
    rescued.runtimes = rescued.suspected = 0;
    for (const auto& row :
         exec(work, dead_sql(), std::to_string(judge.runtime), std::to_string(judge.since))) {
      const std::string id = text_of(row[0]);
      if (!row[1].as<bool>()) {
        if (row[2].as<bool>()) ++rescued.suspected;
        continue;
      }
      exec(work, bury_sql, id);
      exec(work, "DELETE FROM sluice.runtime WHERE id = $1::bigint", id);
      ++rescued.runtimes;
    }
    return !work.exec("SELECT FROM sluice.runtime WHERE command = 'lost' LIMIT 1").empty();
  });
}

// Of the first claim that is refused, so that the row that can't be moved is alone in the end. False when it
// is: then that claim comes last.
bool PgCare::halve_buried(Rescued& rescued, const Refused& error) {
  return in_transaction("rescue the jobs of lost runtimes", [&](pqxx::work& work) {
    const auto rows = work.exec(halve_buried_sql);
    if (rows.empty() || !rows[0][0].is_null()) return !rows.empty();
    rescued.refused_job = text_of(rows[0][1]);
    rescued.refusal = error.what();
    return false;
  });
}

// False when there is nothing more to do now.
bool PgCare::settle_buried(const job::RetryPolicy& fallback, std::size_t claims, Rescued& rescued) {
  return in_transaction("rescue the jobs of lost runtimes", [&](pqxx::work& work) {
    const auto row = exec(work, settle_buried_sql(table_), fallback.max_attempts, fallback.at_most_once,
                          static_cast<int>(claims))[0];
    rescued.pending += row[0].as<std::size_t>();
    rescued.error += row[1].as<std::size_t>();
    work.exec(
        "DELETE FROM sluice.runtime r WHERE r.command = 'lost' AND NOT EXISTS (SELECT FROM sluice.claim c "
        "WHERE "
        "c.runtime = r.id)");
    return row[2].as<std::size_t>() > 0;
  });
}

std::string PgCare::blocker(const std::optional<std::string>& job) {
  return at_once("look who holds a lock", [&](pqxx::transaction_base& session) {
    return job ? row_blocker(session, table_, *job) : table_blocker(session, table_);
  });
}

// Most of the time there are none, and one look at an empty table is all.
std::vector<std::string> PgCare::cancel_requests(RuntimeId runtime) {
  const bool none = at_once("look for jobs to cancel", [&](pqxx::transaction_base& session) {
    return session.exec("SELECT FROM sluice.cancel_request LIMIT 1").empty();
  });
  if (none) return {};
  return in_transaction("cancel jobs", [&](pqxx::work& work) {
    std::vector<std::string> ids;
    work.exec("SELECT FROM " + table_.quoted() +
              " o WHERE o.id = ANY (ARRAY (SELECT job_id FROM sluice.cancel_request)) FOR NO KEY UPDATE SKIP "
              "LOCKED");  // what claims there are is true then
    work.exec(end_requested_statement(table_));
    for (const auto& row : exec(work,
                                "SELECT r.job_id FROM sluice.cancel_request r WHERE EXISTS (SELECT FROM "
                                "sluice.claim c WHERE "
                                "c.runtime = $1::bigint AND r.job_id = ANY (c.ids))",
                                std::to_string(runtime))) {
      ids.emplace_back(row[0].c_str(), row[0].size());
    }
    return ids;
  });
}

void PgCare::publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) {
  at_once("show the plugins", [&](pqxx::transaction_base& session) {
    write_plugins(session, runtime, plugins);
    return true;
  });
}

void PgCare::show_running(RuntimeId runtime, const RunningChanges& changes) {
  at_once("show the running jobs", [&](pqxx::transaction_base& session) {
    write_running(session, runtime, changes);
    return true;
  });
}

void PgCare::count(const std::vector<Throughput>& outcomes) {
  at_once("count outcomes", [&](pqxx::transaction_base& session) {
    write_throughput(session, outcomes);
    return true;
  });
}

void PgCare::trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds keep) {
  at_once("keep who ran which jobs", [&](pqxx::transaction_base& session) {
    write_traces(session, runtime, traces, keep);
    return true;
  });
}

void PgCare::announce(const std::string& text) {
  at_once("announce", [&](pqxx::transaction_base& session) {
    return exec(session, "SELECT pg_notify($1::text, $2::text)", announcement_channel,
                base::valid_utf8(text));
  });
}

// Page by page, so that no statement looks at more than a page, however many records there are.
Tidied PgCare::tidy(std::size_t limit) {
  Tidied tidied;
  for (Walk& walk : walks_) {
    if (walk.over) continue;
    const bool keys = &walk == walks_.data();
    tidied.deleted += keys ? tidy_keys(walk, limit) : tidy_records(walk, limit);
  }
  const std::size_t old = at_once("delete old traces", [&](pqxx::transaction_base& session) {
    return delete_old_traces(session, limit);
  });
  tidied.deleted += old;
  tidied.over =
      old < limit && std::all_of(walks_.begin(), walks_.end(), [](const Walk& walk) { return walk.over; });
  if (tidied.over) {
    for (Walk& walk : walks_) walk.over = false;
  }
  return tidied;
}

std::size_t PgCare::tidy_records(Walk& walk, std::size_t limit) {
  return at_once("delete records of deleted jobs", [&](pqxx::transaction_base& session) {
    const bool first = walk.at.empty();
    const std::string sql =
        "WITH page AS MATERIALIZED (" + page_sql(walk.table, walk.key, walk.type, first) +
        "),\ngone AS (DELETE FROM " + walk.table +
        " s USING page p WHERE s.ctid = p.place AND NOT EXISTS (SELECT FROM " + table_.quoted() +
        " o WHERE o.id = p.job_id) RETURNING 1)\n"
        "SELECT (SELECT count(*) FROM page), (SELECT max(key) FROM page), (SELECT count(*) "
        "FROM gone)";
    const std::string most = std::to_string(limit);
    const auto row = (first ? exec(session, sql, most) : exec(session, sql, most, walk.at))[0];
    walk.over = row[0].as<std::size_t>() < limit;
    walk.at = walk.over ? std::string() : text_of(row[1]);
    return row[2].as<std::size_t>();
  });
}

// Two statements: a key may be taken over for a new job at any moment, so it is locked first and looked
// at again under the lock.
std::size_t PgCare::tidy_keys(Walk& walk, std::size_t limit) {
  return in_transaction("delete unique keys of deleted jobs", [&](pqxx::work& work) {
    const std::string gone = " NOT EXISTS (SELECT FROM " + table_.quoted() + " o WHERE o.id = k.job_id)";
    const bool first = walk.at.empty();
    const std::string page = page_sql(walk.table, walk.key, walk.type, first);
    const std::string sql =
        "WITH page AS MATERIALIZED (" + page +
        "),\norphans AS MATERIALIZED (SELECT k.key FROM page p, sluice.unique_key k WHERE "
        "k.ctid = p.place AND" +
        gone +
        " FOR UPDATE OF k SKIP LOCKED)\n"
        "SELECT (SELECT count(*) FROM page), (SELECT max(key) FROM page), (SELECT "
        "array_agg(key)::text FROM orphans)";
    const std::string most = std::to_string(limit);
    const auto row = (first ? exec(work, sql, most) : exec(work, sql, most, walk.at))[0];
    walk.over = row[0].as<std::size_t>() < limit;
    walk.at = walk.over ? std::string() : text_of(row[1]);
    if (row[2].is_null()) return std::size_t{0};
    const auto deleted = exec(
        work, "DELETE FROM sluice.unique_key k WHERE k.key = ANY ($1::text[]) AND" + gone, text_of(row[2]));
    return static_cast<std::size_t>(deleted.affected_rows());
  });
}

}  // namespace sluice::postgres
