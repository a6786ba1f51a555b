#include "postgres/finishing/effects.hpp"

#include <algorithm>
#include <utility>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "postgres/finishing/renamed.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/session_settings.hpp"
#include "postgres/link/text.hpp"
#include "postgres/schema/effect_function.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

using job::Settlement;

/// A statement that waits longer for a lock fails.
constexpr std::string_view lock_timeout = "2s";
/// The time for the server to end a statement by itself, before the connection is closed.
constexpr std::chrono::seconds cancel_grace{2};
/// How much one statement may have to read.
constexpr std::size_t most_bytes = std::size_t{8} << 20U;
/// Victims of a deadlock or of a serialization failure are tried again.
constexpr int most_attempts = 3;

/// Also records which job asked for which, for pages.
constexpr const char* enqueue_jobs =
    "WITH enqueued AS MATERIALIZED (SELECT f.parent, e.id FROM unnest($1::text[], $2::text[], $3::bigint[], "
    "$4::text[], $5::text[]) AS f (type, payload, delay, key, parent), LATERAL sluice.enqueue_job(f.type, "
    "f.payload::jsonb, make_interval(secs => f.delay / 1e6), f.key) e), "
    "noted AS (INSERT INTO sluice.follow_up (parent, job_id) SELECT parent, id FROM enqueued ON CONFLICT DO "
    "NOTHING) SELECT pg_catalog.count(id) FROM enqueued";

/// Triggers that would run at the commit, as this session's user, and that the role could have created or can
/// change. By then the role's other triggers have run. The checks of foreign keys and of plain unique
/// constraints run no user's code.
constexpr const char* deferred_triggers = R"(
SELECT t.tgname, pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
WHERE t.tgdeferrable
  AND (NOT t.tgisinternal OR EXISTS (
    SELECT FROM pg_catalog.pg_index i
    WHERE i.indexrelid = t.tgconstrindid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)))
  AND EXISTS (
    SELECT FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_roles r ON r.oid = f.proowner
    WHERE f.pronamespace = 'sluice'::pg_catalog.regnamespace AND f.proname LIKE 'as %'
      AND (pg_catalog.pg_has_role(r.oid, p.proowner, 'MEMBER')
           OR pg_catalog.pg_has_role(r.oid, c.relowner, 'MEMBER')))
  AND EXISTS (
    SELECT FROM pg_catalog.pg_locks l
    WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation = t.tgrelid
      AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
LIMIT 1)";

bool was_rolled_back(const Refusal& refusal) {
  return refusal.state == "40001" || refusal.state == "40P01";
}

/// Closes the connection at a deadline while it exists, and tells whether it did.
class Limited {
 public:
  Limited(TimeLimit& limit, int socket, TimeLimit::Clock::time_point deadline, bool& cut)
      : limit_(limit), cut_(cut) {
    limit_.start(socket, deadline);
  }
  ~Limited() { cut_ = limit_.stop(); }
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;

 private:
  TimeLimit& limit_;
  bool& cut_;
};

/// An error in our own part of a transaction, because the server can't execute it now.
class OurOwn : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Something that is forbidden to effects.
class Forbidden : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace

PgEffects::PgEffects(const ConnectionString& target, const TableName& table, std::chrono::microseconds limit)
    : hold_(sql("hold", table)),
      settle_(sql("settle", table)),
      renamed_(sql("renamed", table)),
      limit_(limit),
      session_(target, {}, "lock_timeout = '" + std::string(lock_timeout) + "'") {}

std::vector<Unwritten> PgEffects::commit(const std::vector<Settlement>& settlements) {
  std::vector<Unwritten> unwritten;
  Settlements jobs;
  std::size_t first = 0;
  const auto flush = [&](std::size_t next) {
    if (!jobs.empty()) commit(std::exchange(jobs, {}), first, unwritten);
    first = next;
  };
  // Effects are committed job by job, follow-up jobs together.
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    const bool alone = !settlements[i].outcome.effects.empty();
    if (alone) flush(i);
    jobs.push_back(&settlements[i]);
    if (alone) flush(i + 1);
  }
  flush(settlements.size());
  return unwritten;
}

void PgEffects::commit(const Settlements& settlements, std::size_t first, std::vector<Unwritten>& unwritten) {
  Settled settled;
  const auto refusal = refusal_of_commit(settlements, settled);
  if (refusal && settlements.size() > 1) {
    const auto middle = settlements.begin() + static_cast<std::ptrdiff_t>(settlements.size() / 2);
    commit(Settlements(settlements.begin(), middle), first, unwritten);
    return commit(Settlements(middle, settlements.end()), first + settlements.size() / 2, unwritten);
  }
  if (refusal) {
    const std::string code = refusal->state.empty() ? "effect" : "effect-" + refusal->state;
    unwritten.push_back({first, Unwritten::Why::refused, code, refusal->message, false});
    return;
  }
  std::vector<bool> applied(settlements.size()), locked(settlements.size());
  for (const std::size_t index : settled.applied) applied[index] = true;
  for (const std::size_t index : settled.locked) locked[index] = true;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (applied[i]) continue;
    const auto why = locked[i] ? Unwritten::Why::locked : Unwritten::Why::not_ours;
    unwritten.push_back({first + i, why, "", "", false});
  }
}

/// Whatever a plugin's statement raises is its job's error. If the statement does not end, the connection is
/// closed.
std::optional<Refusal> PgEffects::refusal_of_commit(const Settlements& settlements, Settled& settled) {
  deadline_ = Clock::now() + limit_;
  cut_ = false;
  try {
    return session_.link().use("commit follow-up jobs and effects", [&](pqxx::connection& connection) {
      session_.end_lost_backend(connection);
      return attempts(connection, settlements, settled);
    });
  } catch (const OurOwn& error) {
    throw Unavailable("could not commit follow-up jobs and effects in " + session_.link().description() +
                          ": " + error.what(),
                      true);
  } catch (const Unavailable&) {
    if (!cut_) throw;
    session_.lose_backend();
    session_.link().use("end a statement that hangs",
                        [&](pqxx::connection& connection) { session_.end_lost_backend(connection); });
    return Refusal{"57014", "the statement did not end within " + base::format_duration(limit_) +
                                ", nor when it was cancelled; its connection was closed"};
  }
}

std::optional<Refusal> PgEffects::attempts(pqxx::connection& connection, const Settlements& settlements,
                                           Settled& settled) {
  const Limited limited(time_limit_, connection.sock(), deadline_ + cancel_grace, cut_);
  std::optional<Refusal> refusal;
  for (int attempt = 1;; ++attempt) {
    try {
      refusal = refusal_of(connection, [&] { settled = transact(connection, settlements); });
    } catch (const Forbidden& error) {
      refusal = Refusal{"42501", error.what()};
    }
    if (!refusal || !was_rolled_back(*refusal) || attempt == most_attempts) break;
  }
  if (!settlements[0]->outcome.effects.empty()) clean(connection);
  return refusal;
}

/// The jobs' own rows come last, so the locks on their claims are held only for a moment.
Settled PgEffects::transact(pqxx::connection& connection, const Settlements& settlements) {
  pqxx::work work(connection);
  const bool effects = !settlements[0]->outcome.effects.empty();
  if (session_.link().pooled() && effects) note_settings(work);
  session_.begin(work);
  if (session_.link().pooled()) session_.remember_backend(work);
  limit_time(work);
  Settled held = hold(work, settlements);
  Settlements ours;
  for (const std::size_t index : held.applied) ours.push_back(settlements[index]);
  const Renamed renamed = find_renamed(work, renamed_, settlements, held);
  if (!renamed.indices.empty()) {
    const Settlements all = renamed.all();
    const Settled of_these = hold(work, all);
    for (const std::size_t index : of_these.applied) ours.push_back(all[index]);
    renamed.add(of_these, held);
  }
  if (ours.empty()) return held;
  enqueue(work, ours);
  if (effects) run_effects(work, *ours[0]);
  settle(work, ours);
  if (effects) seal(work, ours[0]->role);
  work.commit();
  return held;
}

Settled PgEffects::hold(pqxx::transaction_base& transaction, const Settlements& settlements) {
  ArrayText ids, claims, claimed_as, created;
  for (const auto* settlement : settlements) {
    ids.add(settlement->id);
    claims.add(settlement->claim);
    claimed_as.add(id_in_claim(*settlement));
    created.add(cursor_text(settlement->created_at));
  }
  return read_settled(exec(transaction, hold_, ids.str(), claims.str(), claimed_as.str(), created.str()));
}

/// An error here concerns the job's row or the server, not the job's requests.
void PgEffects::settle(pqxx::transaction_base& transaction, const Settlements& settlements) {
  const auto step = [&](const auto&... parameters) {
    return read_settled(exec(transaction, settle_, parameters...)).applied.size();
  };
  try {
    if (SettlementTexts(settlements).give("{}", step) == settlements.size()) return;
  } catch (const pqxx::sql_error& error) {
    const std::string state = sql_state(error);
    if (settlements.size() > 1 || !is_passing(state) || state == "57014" || state == "55P03") throw;
    throw OurOwn(server_message(error.what()));
  }
  throw Forbidden(held_back_words);
}

void PgEffects::enqueue(pqxx::transaction_base& transaction, const Settlements& settlements) {
  ArrayText types, payloads, delays, keys, parents;
  std::size_t bytes = 0;
  const auto flush = [&] {
    exec(transaction, enqueue_jobs, types.str(), payloads.str(), delays.str(), keys.str(), parents.str());
    types = payloads = delays = keys = parents = {};
    bytes = 0;
  };
  for (const auto* settlement : settlements) {
    for (const job::FollowUp& job : settlement->outcome.follow_ups) {
      types.add(base::valid_utf8(job.type));
      payloads.add(base::valid_utf8(job.payload));
      delays.add(bounded_microseconds(job.delay));
      parents.add(settlement->id);
      if (job.unique_key.empty()) {
        keys.add_null();
      } else {
        keys.add(base::valid_utf8(job.unique_key));
      }
      bytes += job.type.size() + job.payload.size() + job.unique_key.size() + settlement->id.size() + 1;
      if (bytes > most_bytes) flush();
    }
  }
  if (bytes > 0) flush();
}

void PgEffects::run_effects(pqxx::transaction_base& transaction, const Settlement& settlement) {
  check_function(transaction, settlement.role);
  for (const job::Effect& effect : settlement.outcome.effects) {
    execute(transaction, settlement.role, effect);
  }
  execute(transaction, settlement.role, {"SET CONSTRAINTS ALL IMMEDIATE", {}});
  // A cursor WITH HOLD would run its query at the commit.
  transaction.exec("CLOSE ALL");
  transaction.exec(restored_settings());
  transaction.exec(session_.settings("SET LOCAL"));
  limit_time(transaction);
}

void PgEffects::execute(pqxx::transaction_base& transaction, const std::string& role,
                        const job::Effect& effect) {
  ArrayText parameters;
  for (const auto& parameter : effect.parameters) {
    if (parameter) {
      parameters.add(base::valid_utf8(*parameter));
    } else {
      parameters.add_null();
    }
  }
  limit_time(transaction);
  exec(transaction, "SELECT " + effect_function(role) + "($1::text, $2::text[])",
       base::valid_utf8(effect.sql), parameters.str());
  check_function(transaction, role);
}

/// The role owns its function. A statement, this job's or another session's, may have made it run as this
/// session's user.
void PgEffects::check_function(pqxx::transaction_base& transaction, const std::string& role) {
  const pqxx::result intact = exec(transaction,
                                   "SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = "
                                   "'sluice'::pg_catalog.regnamespace AND p.proname = "
                                   "pg_catalog.concat('as ', $1::pg_catalog.text) AND p.prosecdef AND "
                                   "pg_catalog.pg_get_userbyid(p.proowner) = "
                                   "$1::pg_catalog.text",
                                   role);
  if (intact.size() == 1) return;
  throw Forbidden("function " + effect_function(role) + " does not run as role '" + role +
                  "' any more, because somebody has changed it; drop it, and run sluice init");
}

/// Nothing of the role's may be left to run at the commit, because it would run as this session's user.
void PgEffects::seal(pqxx::transaction_base& transaction, const std::string& role) {
  const pqxx::result left = transaction.exec(deferred_triggers);
  if (!left.empty()) {
    throw Forbidden("trigger " + text_of(left[0][0]) + " on " + text_of(left[0][1]) +
                    " is deferrable and belongs to a role under which effects run, such as '" + role +
                    "', so at the commit it could run as Sluice's own user; make it NOT DEFERRABLE");
  }
  if (session_.link().pooled()) leave_pool(transaction);
}

/// The settings of the session that the pool lends, before anything is set in it.
void PgEffects::note_settings(pqxx::transaction_base& transaction) {
  transaction.exec("SET TRANSACTION ISOLATION LEVEL READ COMMITTED");
  const auto row = transaction.exec(
      "SELECT array_agg(name), array_agg(setting) FROM pg_catalog.pg_settings "
      "WHERE context IN ('user', 'superuser') AND name NOT LIKE 'transaction_%'")[0];
  names_ = text_of(row[0]);
  values_ = text_of(row[1]);
}

/// The session is lent to another client next, so it must be as it was.
void PgEffects::leave_pool(pqxx::transaction_base& transaction) {
  transaction.exec("DISCARD TEMP; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all()");
  exec(transaction,
       "SELECT pg_catalog.set_config(s.name, s.value, false) FROM unnest($1::text[], $2::text[]) AS s (name, "
       "value) JOIN pg_catalog.pg_settings p ON p.name = s.name WHERE p.setting IS DISTINCT FROM s.value",
       names_, values_);
}

/// For the next statement, because a running timer is not stopped by a setting that a statement makes.
void PgEffects::limit_time(pqxx::transaction_base& transaction) const {
  using std::chrono::milliseconds;
  const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
  transaction.exec("SET LOCAL statement_timeout = " +
                   std::to_string(std::max(left, milliseconds(1)).count()));
}

/// Resets what a plugin's statements have set, prepared or created for the session.
void PgEffects::clean(pqxx::connection& connection) {
  if (session_.link().pooled()) return;
  pqxx::nontransaction session(connection);
  session.exec("DISCARD ALL");
  session.exec(session_settings());
  session.exec(session_.settings("SET"));
}

}  // namespace sluice::postgres
