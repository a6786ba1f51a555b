#include "postgres/care/care.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "postgres/care/activity.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/schema/wake_trigger.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

/// The next records of a table, and those of them whose job no longer exists.
std::string page_sql(const char* table, const char* key, const char* type, bool first) {
  return std::string("SELECT ctid AS place, ") + key + " AS key, job_id FROM " + table +
         (first ? std::string() : std::string(" WHERE ") + key + " > $2::" + type) + " ORDER BY " + key +
         " LIMIT $1::bigint";
}

constexpr std::size_t claims_at_once = 20;
constexpr std::chrono::milliseconds rescue_time{200};

/// With these limits, a lock on the table, or a slow statement, costs only this round.
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
    : table_(table),
      query_(target.statement_limit.count() > 0 ? Query::hidden : Query::shown),
      link_(target, [this](pqxx::connection& connection) {
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

/// Runs `step(transaction)` in its own transaction.
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
    return exec(session, sql("enlist"), base::valid_utf8(info.host), info.pid, base::valid_utf8(info.version),
                base::valid_utf8(info.command), std::to_string(bounded_microseconds(info.lease)))[0][0]
        .as<RuntimeId>();
  });
}

void PgCare::serve(RuntimeId runtime, const std::vector<ServedType>& types) {
  ArrayText names, plugins, versions, attempts, once, schemas, limits;
  for (const auto& served : types) {
    names.add(base::valid_utf8(served.type));
    plugins.add(base::valid_utf8(served.plugin));
    versions.add(base::valid_utf8(served.plugin_version));
    attempts.add(std::int64_t{served.policy.max_attempts});
    once.add_flag(served.policy.at_most_once);
    schemas.add(base::valid_utf8(served.schema));
    limits.add(base::valid_utf8(served.limits));
  }
  in_transaction("record the served job types", [&](pqxx::work& work) {
    exec(work, sql("serve"), names.str(), plugins.str(), versions.str(), attempts.str(), once.str(),
         schemas.str(), limits.str());
    // Last, because the heart writes that row too.
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
    exec(work, sql("release", table_), id_array(mine), unfinished.fallback.max_attempts,
         unfinished.fallback.at_most_once, ran.str(), "outcome-lost",
         "runtime %s (process %s) stopped before the outcome of this attempt could be written");
    exec(work, "DELETE FROM sluice.runtime WHERE id = $1", runtime);
    work.exec("SELECT sluice.set_wake()");
    work.commit();
  });
}

/// If a row refuses to become pending, fewer rows at a time are tried until it is alone.
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
    const auto rows = session.exec(sql("postpone"));
    return rows.empty() ? std::string() : text_of(rows[0][0]);
  });
}

Promoted PgCare::promote(std::size_t limit) {
  return at_once("make due jobs pending", [&](pqxx::transaction_base& session) {
    const auto row = exec(session, sql("promote", table_), std::to_string(limit))[0];
    Promoted promoted{row[0].as<std::size_t>(), row[1].as<std::size_t>(), text_of(row[2])};
    if (!row[3].is_null()) promoted.next = parse_double(text_of(row[3]));
    if (promoted.used > 0) session.exec(wake_notification());  // other runtimes may have room for them
    return promoted;
  });
}

/// When the dead are buried, they can do nothing any more. Burying takes no lock on the outbox. Their jobs
/// follow later, some at a time.
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
    if (rescued.runtimes + rescued.pending + rescued.error == 0) throw;  // else report what was done
  }
  return rescued;
}

/// Whether any dead runtime has jobs that have not followed yet.
bool PgCare::bury(const Judge& judge, Rescued& rescued) {
  return in_transaction("look for lost runtimes", [&](pqxx::work& work) {
    rescued.runtimes = rescued.suspected = 0;
    for (const auto& row : exec(work, sql("dead"), std::to_string(judge.runtime), std::to_string(judge.since),
                                std::to_string(judge.last_beat))) {
      const std::string id = text_of(row[0]);
      if (!row[1].as<bool>()) {
        if (row[2].as<bool>()) ++rescued.suspected;
        continue;
      }
      exec(work, sql("bury"), id);
      exec(work, "DELETE FROM sluice.runtime WHERE id = $1::bigint", id);
      ++rescued.runtimes;
    }
    return !work.exec("SELECT FROM sluice.runtime WHERE command = 'lost' LIMIT 1").empty();
  });
}

/// Handles the first claim, if it is refused: halves it, so that the row that can't be moved is alone in the
/// end. Returns false if it is. Then that claim comes last.
bool PgCare::halve_buried(Rescued& rescued, const Refused& error) {
  return in_transaction("rescue the jobs of lost runtimes", [&](pqxx::work& work) {
    const auto rows = work.exec(sql("halve_buried"));
    if (rows.empty() || !rows[0][0].is_null()) return !rows.empty();
    rescued.refused_job = text_of(rows[0][1]);
    rescued.refusal = error.what();
    return false;
  });
}

/// False if nothing is left to do now.
bool PgCare::settle_buried(const job::RetryPolicy& fallback, std::size_t claims, Rescued& rescued) {
  return in_transaction("rescue the jobs of lost runtimes", [&](pqxx::work& work) {
    const auto row = exec(work, sql("settle_buried", table_), fallback.max_attempts, fallback.at_most_once,
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
    return job ? row_blocker(session, table_, *job, query_) : table_blocker(session, table_, query_);
  });
}

std::vector<std::string> PgCare::paused_types() {
  return at_once("read which job types are paused", [](pqxx::transaction_base& session) {
    std::vector<std::string> types;
    for (const auto& row : session.exec("SELECT type FROM sluice.paused ORDER BY type COLLATE \"C\"")) {
      types.push_back(text_of(row[0]));
    }
    return types;
  });
}

/// Usually there are none, and one look at an empty table is enough.
std::vector<std::string> PgCare::cancel_requests(RuntimeId runtime) {
  const bool none = at_once("look for jobs to cancel", [&](pqxx::transaction_base& session) {
    return session.exec("SELECT FROM sluice.cancel_request LIMIT 1").empty();
  });
  if (none) return {};
  return in_transaction("cancel jobs", [&](pqxx::work& work) {
    std::vector<std::string> ids;
    work.exec(sql("lock_requested", table_));
    work.exec(sql("end_requested", table_));
    for (const auto& row : exec(work, sql("requested"), std::to_string(runtime))) {
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

void PgCare::publish_settings(RuntimeId runtime, const std::string& settings) {
  at_once("show the settings", [&](pqxx::transaction_base& session) {
    exec(session, "UPDATE sluice.runtime SET settings = $2::jsonb WHERE id = $1", runtime,
         base::valid_utf8(settings));
    return true;
  });
}

void PgCare::show_running(RuntimeId runtime, const RunningChanges& changes) {
  at_once("show the running jobs", [&](pqxx::transaction_base& session) {
    write_running(session, runtime, changes);
    return true;
  });
}

void PgCare::count(const std::vector<OutcomeCount>& outcomes) {
  at_once("count outcomes", [&](pqxx::transaction_base& session) {
    write_minutes(session, outcomes);
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

/// Page by page, so that no statement reads more than a page, however many records there are.
Tidied PgCare::tidy(std::size_t limit, job::Microseconds keep_audit) {
  Tidied tidied;
  for (Walk& walk : walks_) {
    if (walk.over) continue;
    const bool keys = &walk == walks_.data();
    tidied.deleted += keys ? tidy_keys(walk, limit) : tidy_records(walk, limit);
  }
  bool expired = false;
  for (const char* statement : {"delete_old_traces", "delete_old_throughput", "delete_old_hours",
                                "delete_old_minutes", "delete_old_minute_totals", "delete_old_hour_totals"}) {
    const std::size_t old = at_once("delete expired records", [&](pqxx::transaction_base& session) {
      return delete_expired(session, statement, limit);
    });
    tidied.deleted += old;
    expired = expired || old == limit;
  }
  const std::size_t forgotten = at_once("delete old records of what was done by hand", [&](auto& session) {
    return delete_old_audit(session, limit, keep_audit);
  });
  tidied.deleted += forgotten;
  expired = expired || forgotten == limit;
  tidied.over =
      !expired && std::all_of(walks_.begin(), walks_.end(), [](const Walk& walk) { return walk.over; });
  if (tidied.over) {
    for (Walk& walk : walks_) walk.over = false;
  }
  return tidied;
}

std::size_t PgCare::tidy_records(Walk& walk, std::size_t limit) {
  return at_once("delete records of deleted jobs", [&](pqxx::transaction_base& session) {
    const bool first = walk.at.empty();
    const std::string tidy =
        sql("tidy_records", table_,
            {{"page", page_sql(walk.table, walk.key, walk.type, first)}, {"records", walk.table}});
    const std::string most = std::to_string(limit);
    const auto row = (first ? exec(session, tidy, most) : exec(session, tidy, most, walk.at))[0];
    walk.over = row[0].as<std::size_t>() < limit;
    walk.at = walk.over ? std::string() : text_of(row[1]);
    return row[2].as<std::size_t>();
  });
}

std::size_t PgCare::tidy_keys(Walk& walk, std::size_t limit) {
  return in_transaction("delete unique keys of deleted jobs", [&](pqxx::work& work) {
    const bool first = walk.at.empty();
    const std::string find =
        sql("find_orphan_keys", table_, {{"page", page_sql(walk.table, walk.key, walk.type, first)}});
    const std::string most = std::to_string(limit);
    const auto row = (first ? exec(work, find, most) : exec(work, find, most, walk.at))[0];
    walk.over = row[0].as<std::size_t>() < limit;
    walk.at = walk.over ? std::string() : text_of(row[1]);
    if (row[2].is_null()) return std::size_t{0};
    const auto deleted = exec(work, sql("delete_orphan_keys", table_), text_of(row[2]));
    return static_cast<std::size_t>(deleted.affected_rows());
  });
}

}  // namespace sluice::postgres
