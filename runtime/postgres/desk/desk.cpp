#include "postgres/desk/desk.hpp"

#include <algorithm>
#include <chrono>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "postgres/care/activity.hpp"
#include "postgres/desk/counts.hpp"
#include "postgres/desk/report.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/schema/effect_function.hpp"
#include "postgres/schema/indexes.hpp"
#include "postgres/schema/migrations.hpp"
#include "postgres/schema/wake_trigger.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

constexpr int most_lock_attempts = 30;
constexpr std::chrono::milliseconds lock_pause(300);
constexpr int trigger_attempts = 3;

}  // namespace

PgDesk::PgDesk(const ConnectionString& target, const TableName& table, std::vector<std::string> effect_roles,
               bool wake, Grants grants)
    : table_(table),
      effect_roles_(std::move(effect_roles)),
      wake_(wake),
      grants_(std::move(grants)),
      link_(target) {
  link_.name_holders([this](pqxx::transaction_base& work) { return lock_holder(work, table_); });
}

PgDesk::Present PgDesk::present() {
  return link_.transact("look at the schema", [&](pqxx::transaction_base& work) {
    Present present;
    const auto found =
        exec(work, "SELECT to_regclass($1::text) IS NOT NULL, to_regclass('sluice.migration') IS NOT NULL",
             table_.quoted())[0];
    present.outbox = found[0].as<bool>();
    if (found[1].as<bool>()) {
      for (const auto& row : work.exec("SELECT version FROM sluice.migration")) {
        present.migrations.insert(row[0].as<int>());
      }
    }
    return present;
  });
}

/// One transaction. Returns false if another session's lock was in the way. It gives up soon, so that other
/// sessions do not queue behind it.
bool PgDesk::try_piece(const std::string& sql) {
  return link_.use("initialise schema sluice", [&](pqxx::connection& connection) {
    try {
      pqxx::work work(connection);
      link_.limit(work);
      work.exec(init_lock());
      work.exec(sql);
      work.commit();
      return true;
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != "55P03") throw;
      return false;
    }
  });
}

void PgDesk::run_piece(const std::string& sql) {
  for (int attempt = 1; !try_piece(sql); ++attempt) {
    if (attempt >= most_lock_attempts) {
      throw Unavailable("could not initialise schema sluice in " + link_.description() + ": " +
                        std::to_string(attempt) +
                        " attempts failed, because other sessions held a needed lock for over a second each "
                        "time; try again later");
    }
    base::sleep_for(lock_pause);
  }
}

std::string PgDesk::where() const {
  return "schema sluice in " + link_.description();
}

/// Refuses the schema if it is newer than this program.
void PgDesk::refuse_newer(const Present& found) const {
  const int known = migrations(table_).back().version;
  if (found.migrations.empty() || *found.migrations.rbegin() <= known) return;
  throw Refused(where() + " has migration " + std::to_string(*found.migrations.rbegin()) +
                ", this program knows " + std::to_string(known) +
                " at most: use the newer sluice that applied it");
}

std::vector<std::string> PgDesk::init() {
  const Present before = present();
  refuse_newer(before);
  run_piece(outbox_check(table_, false));
  run_piece(outbox_creation(table_));
  run_piece(schema_creation());
  std::vector<std::string> done;
  if (!before.outbox) done.push_back("Created table " + table_.quoted() + " with its four indexes.");
  for (const auto& migration : migrations(table_)) {
    run_piece(migration_step(migration));
    if (before.migrations.contains(migration.version)) continue;
    done.push_back("Applied migration " + std::to_string(migration.version) +
                   " of schema sluice: " + migration.name + ".");
  }
  if (std::string said = set_wake_trigger(); !said.empty()) done.push_back(std::move(said));
  for (const std::string& role : effect_roles_) {
    if (can_run_effects(role)) continue;
    run_piece(effect_function_creation(role));
    done.push_back("Created function " + effect_function(role) + ", which runs effects under role " + role +
                   ".");
  }
  for (std::string& said : grant()) done.push_back(std::move(said));
  return done;
}

std::vector<std::string> PgDesk::lacking_roles() {
  return link_.ask("look at the rights in schema sluice", [&](pqxx::transaction_base& session) {
    std::vector<std::string> roles;
    for (const auto& row : session.exec(lacking_roles_query())) roles.push_back(text_of(row[0]));
    return roles;
  });
}

/// Returns a sentence for each thing that was done or could not be done.
std::vector<std::string> PgDesk::grant() {
  std::vector<std::string> said;
  for (const std::string& role : grants_.run) {
    run_piece(run_grant(table_, role));
    said.push_back("Role " + role + " may run jobs.");
  }
  for (const std::string& role : grants_.enqueue) {
    run_piece(enqueue_grant(role));
    said.push_back("Role " + role + " may enqueue jobs with sluice.enqueue.");
  }
  const std::vector<std::string> before = lacking_roles();
  if (before.empty()) return said;
  run_piece(kept_grants());
  const std::vector<std::string> after = lacking_roles();
  for (const std::string& role : before) {
    const bool lacks = std::find(after.begin(), after.end(), role) != after.end();
    said.push_back(
        lacks ? "Role " + role +
                    " lacks rights on new objects in schema sluice, and this user may not grant them: " +
                    "run sluice init --grant-run " + role + " as the schema's owner."
              : "Role " + role + " may use the new objects in schema sluice.");
  }
  return said;
}

std::vector<std::string> PgDesk::set_indexes(Indexes wanted) {
  return link_.use(
      "change the indexes of table " + table_.quoted(),
      [&](pqxx::connection& connection) {
        pqxx::nontransaction session(connection);
        std::vector<std::string> done;
        for (const auto& [name, sql] : index_changes(table_, wanted)) {
          const pqxx::field valid = exec(session, std::string(index_query), name)[0][0];
          const bool unfinished = !valid.is_null() && !valid.as<bool>();
          if (unfinished) session.exec("DROP INDEX CONCURRENTLY " + name);
          if (!unfinished && valid.is_null() == (wanted == Indexes::lean)) continue;
          session.exec(sql);
          done.push_back((wanted == Indexes::lean ? "Dropped index " : "Created index ") + name + ".");
        }
        return done;
      },
      unbounded);
}

void PgDesk::check_schema() {
  const Present found = present();
  if (found.migrations.empty()) throw Refused(where() + " is missing: run sluice init");
  const int known = migrations(table_).back().version;
  for (int version = 1; version <= known; ++version) {
    if (found.migrations.contains(version)) continue;
    throw Refused(where() + " lacks migration " + std::to_string(version) + ": run sluice init");
  }
  refuse_newer(found);
  for (const std::string& role : effect_roles_) {
    if (can_run_effects(role)) continue;
    throw Refused(where() + " has no function " + effect_function(role) + " that this user may call: role '" +
                  role + "' is granted to a plugin in the configuration, so run sluice init with it");
  }
  link_.ask("check table " + table_.quoted(),
            [&](pqxx::transaction_base& session) { return session.exec(outbox_check(table_, true)); });
}

bool PgDesk::has_wake_trigger() {
  return link_.ask("look for the trigger", [&](pqxx::transaction_base& session) {
    return session.exec(wake_trigger_query(table_))[0][0].as<bool>();
  });
}

/// Returns what was done or could not be done, as a sentence; empty if nothing was needed.
std::string PgDesk::set_wake_trigger() {
  if (has_wake_trigger() == wake_) return {};
  bool had_lock = false;
  for (int attempt = 0; attempt < trigger_attempts && !had_lock; ++attempt) {
    had_lock = try_piece(wake_trigger_step(table_, wake_));
  }
  if (!had_lock) {
    return "Table " + table_.quoted() +
           " is locked by another session, so trigger sluice_wake was not changed: run sluice init again "
           "later. Until then idle runtimes find new jobs by polling.";
  }
  const bool done = has_wake_trigger() == wake_;
  if (wake_) {
    return done ? "Created trigger sluice_wake on table " + table_.quoted() + "; it wakes idle runtimes."
                : "This user may not create a trigger on table " + table_.quoted() +
                      ", so idle runtimes find new jobs by polling: run sluice init as its owner, or set "
                      "database.wake = false.";
  }
  return done ? "Dropped trigger sluice_wake from table " + table_.quoted() + "."
              : "This user may not drop trigger sluice_wake from table " + table_.quoted() +
                    ": run sluice init as its owner.";
}

bool PgDesk::can_run_effects(const std::string& role) {
  return link_.ask("look for the function of role " + role, [&](pqxx::transaction_base& session) {
    return exec(session,
                "SELECT coalesce(has_function_privilege(to_regprocedure($1::text || '(text, text[])'), "
                "'EXECUTE'), false)",
                effect_function(role))[0][0]
        .as<bool>();
  });
}

Enqueued PgDesk::enqueue(const EnqueueRequest& request) {
  const std::string delay =
      request.delay ? std::to_string(bounded_microseconds(*request.delay)) : std::string("0");
  const std::string key = base::valid_utf8(request.unique_key.value_or(""));
  return link_.ask("enqueue a job", [&](pqxx::transaction_base& session) {
    if (session.exec("SELECT to_regnamespace('sluice') IS NULL")[0][0].as<bool>()) {
      throw Refused("could not enqueue a job, because " + where() + " is missing: run sluice init");
    }
    const auto row = exec(
        session,
        "SELECT id, existing FROM sluice.enqueue_job($1::text, $2::jsonb, make_interval(secs => $3::bigint / "
        "1e6), "
        "$4::text)",
        base::valid_utf8(request.type), base::valid_utf8(request.payload), delay,
        request.unique_key ? key.c_str() : nullptr)[0];
    return Enqueued{text_of(row[0]), row[1].as<bool>()};
  });
}

Report PgDesk::report(bool exact) {
  return link_.transact(
      "read the status", [&](pqxx::transaction_base& work) { return read_report(work, table_, exact); },
      exact ? unbounded : usual_bound);
}

/// What runtimes tell about themselves is known even if the outbox is locked.
Report PgDesk::activity() {
  Report report;
  link_.transact("read what runtimes do", [&](pqxx::transaction_base& work) {
    report = {};
    read_activity(work, report);
    return true;
  });
  try {
    link_.transact("read which jobs run", [&](pqxx::transaction_base& work) {
      read_running_jobs(work, table_, report);
      return true;
    });
  } catch (const HeldUp& held) {
    report.unread = held.what();
  } catch (const TimedOut& late) {
    report.unread = late.what();
  }
  return report;
}

Aggregate PgDesk::aggregate(std::chrono::seconds since) {
  return link_.transact("read what was done", [&](pqxx::transaction_base& work) {
    work.exec(pump_settings("SET LOCAL"));
    Aggregate aggregate;
    read_created(work, table_, since.count(), aggregate);
    aggregate.outcomes = read_throughput(work, static_cast<double>(since.count()));
    return aggregate;
  });
}

std::vector<QueueDepth> PgDesk::depths(std::size_t most) {
  return link_.transact("count the jobs that wait",
                        [&](pqxx::transaction_base& work) { return read_depths(work, table_, most); });
}

std::vector<Failure> PgDesk::recent_failures(std::size_t limit) {
  return link_.ask("read the newest failures", [&](pqxx::transaction_base& session) {
    std::vector<Failure> failures;
    for (const auto& row : exec(session,
                                "SELECT job_id, type, attempt, result, code, error FROM sluice.attempt "
                                "ORDER BY at DESC, id DESC LIMIT $1::bigint",
                                std::to_string(limit))) {
      failures.push_back({text_of(row[0]), text_of(row[1]), row[2].as<int>(), text_of(row[3]),
                          text_of(row[4]), text_of(row[5])});
    }
    return failures;
  });
}

}  // namespace sluice::postgres
