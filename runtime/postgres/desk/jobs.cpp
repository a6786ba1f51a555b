#include "postgres/desk/jobs.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "postgres/care/activity.hpp"
#include "postgres/desk/counts.hpp"
#include "postgres/desk/job_rows.hpp"
#include "postgres/desk/likeness.hpp"
#include "postgres/link/blockers.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/schema/wake_trigger.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

Standing standing_of(const std::string& status, bool scheduled, const JobState& state) {
  constexpr double stuck_after = 600;  // seconds
  if (status == "pending") return Standing::pending;
  if (status == "done") return Standing::done;
  if (status == "scheduled" || (status == "error" && scheduled)) return Standing::planned;
  if (status == "error") return Standing::failed;
  if (status != "processing") return Standing::other;
  if (state.holder) return state.holder->live ? Standing::running : Standing::lost;
  return state.since_update > stuck_after ? Standing::stuck : Standing::foreign;
}

JobState state_of(const pqxx::row& row) {
  JobState state;
  if (row[1].is_null()) return state;
  state.status = text_of(row[1]);
  state.since_update = parse_double(text_of(row[3]));
  if (!row[4].is_null()) {
    state.holder = Holder{row[4].as<RuntimeId>(), text_of(row[5]), row[6].as<int>(), row[7].as<bool>()};
  }
  state.standing = standing_of(state.status, row[2].as<bool>(), state);
  state.cancel_requested = row[8].as<bool>();
  return state;
}

std::vector<std::string> distinct(const std::vector<std::string>& ids) {
  std::vector<std::string> each;
  std::set<std::string> seen;
  for (const auto& id : ids) {
    if (seen.insert(id).second) each.push_back(base::valid_utf8(id));
  }
  return each;
}

std::string id_array(const std::vector<std::string>& ids) {
  ArrayText array;
  for (const auto& id : ids) array.add(id);
  return array.str();
}

/// How many jobs a list reads, of each status and of each type, before it stops.
constexpr std::size_t most_looked_at = 5000;

}  // namespace

PgJobs::PgJobs(const ConnectionString& target, const TableName& table, const job::RetryPolicy& fallback)
    : table_(table),
      fallback_(fallback),
      limited_(target.statement_limit.count() > 0),
      link_(target),
      care_(target, table) {
  link_.name_holders([this](pqxx::transaction_base& work) {
    const std::string holder = lock_holder(work, table_);
    return holder.empty() && !wanted_.empty() ? row_blocker(work, table_, wanted_, Query::hidden) : holder;
  });
}

Listing PgJobs::list(const JobFilter& filter, std::size_t limit, bool deep) {
  return link_.transact(
      "list jobs",
      [&](pqxx::transaction_base& work) {
        JobFilter each = filter;
        const bool any_status = filter.statuses.empty() && !filter.stuck;
        // On lean indexes all jobs are listed in the same way as those of each status.
        if (any_status && !has_index_on(work, table_, "createdAt"))
          each.statuses = read_statuses(work, table_);
        if (!deep || !list_skips(each)) work.exec(pump_settings("SET LOCAL"));
        if (!deep && list_skips(each)) return list_within_bounds(work, each, limit);
        Listing listing;
        for (const auto& row : work.exec(list_statement(table_, each, limit))) {
          listing.jobs.push_back(summary_of(row));
        }
        return listing;
      },
      unbounded);
}

Listing PgJobs::look(pqxx::transaction_base& transaction, const std::string& statement) {
  Listing listing;
  for (const auto& row : transaction.exec(statement)) {
    if (!row[0].is_null()) listing.jobs.push_back(summary_of(row));
    if (!row[17].is_null()) listing.horizon = moment_of(row, 16);
  }
  return listing;
}

/// First along the newest jobs for a while, then along the index on type for a while, then both again for
/// longer. The first search finds a type with many jobs at once, the second a type with few.
Listing PgJobs::list_within_bounds(pqxx::transaction_base& transaction, const JobFilter& filter,
                                   std::size_t limit) {
  const bool by_type = !filter.types.empty() && has_index_on(transaction, table_, "type");
  Listing listing;
  for (const std::size_t most : {std::size_t{1000}, std::max<std::size_t>(most_looked_at, limit)}) {
    listing = look(transaction, newest_within_statement(table_, filter, limit, most));
    if (!listing.horizon || listing.jobs.size() == limit) break;
    if (!by_type) continue;
    Listing all = look(transaction, types_within_statement(table_, filter, limit, most));
    if (!all.horizon) return all;
  }
  if (listing.jobs.size() == limit) listing.horizon.reset();
  return listing;
}

std::int64_t PgJobs::count(const JobFilter& filter) {
  return link_.ask(
      "count jobs",
      [&](pqxx::transaction_base& session) {
        return session.exec(count_statement(table_, filter))[0][0].as<std::int64_t>();
      },
      unbounded);
}

std::optional<JobDetails> PgJobs::show(const std::string& id) {
  const std::string wanted = base::valid_utf8(id);
  wanted_.clear();
  return link_.transact("look at job " + wanted,
                        [&](pqxx::transaction_base& work) -> std::optional<JobDetails> {
                          const auto rows = exec(work, show_statement(table_), wanted);
                          if (rows.empty()) return std::nullopt;
                          JobDetails details;
                          const auto& row = rows[0];
                          details.job = summary_of(row);
                          details.payload = text_of(row[16]);
                          if (!row[17].is_null()) details.output = text_of(row[17]);
                          if (!row[18].is_null()) {
                            details.plugin = text_of(row[18]);
                            details.plugin_version = text_of(row[19]);
                            details.max_attempts = row[20].as<int>();
                          }
                          details.attempts = attempts(work, wanted);
                          details.follow_ups = relatives(work, wanted, "follow_ups");
                          details.parents = relatives(work, wanted, "parents");
                          details.state = state_of(exec(work, sql("state", table_), id_array({wanted}))[0]);
                          if (details.state.standing == Standing::done)
                            details.done_run = done_run(work, wanted);
                          if (details.state.standing != Standing::running) return details;
                          const auto running = read_running_job(work, wanted);
                          if (!running.empty() && running[0].job.attempt == details.job.attempts)
                            details.running = running[0].job;
                          return details;
                        });
}

std::optional<DoneRun> PgJobs::done_run(pqxx::transaction_base& transaction, const std::string& id) {
  auto rows = exec(transaction, trace_statement(table_, true), id);
  if (rows.empty()) rows = exec(transaction, trace_statement(table_, false), id);
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  return DoneRun{row[0].as<int>(),
                 {row[1].as<RuntimeId>(), text_of(row[2]), row[3].as<int>(), false},
                 row[4].as<int>(),
                 moment_of(row, 5),
                 parse_double(text_of(row[7]))};
}

std::vector<Relative> PgJobs::relatives(pqxx::transaction_base& transaction, const std::string& id,
                                        const char* statement) {
  std::vector<Relative> relatives;
  const std::string most = std::to_string(most_relatives + 1);
  for (const auto& row : exec(transaction, sql(statement, table_), id, most))
    relatives.push_back({text_of(row[0]), text_of(row[1]), text_of(row[2])});
  return relatives;
}

std::vector<Attempt> PgJobs::attempts(pqxx::transaction_base& transaction, const std::string& id) {
  std::vector<Attempt> attempts;
  for (const auto& row : exec(transaction, attempts_statement(), id)) {
    Attempt attempt;
    attempt.number = row[0].as<int>();
    attempt.result = text_of(row[1]);
    attempt.code = text_of(row[2]);
    attempt.error = text_of(row[3]);
    attempt.log_tail = text_of(row[4]);
    if (!row[5].is_null()) attempt.duration = parse_double(text_of(row[5]));
    attempt.host = text_of(row[6]);
    attempt.pid = row[7].as<int>(0);
    attempt.runtime = row[8].as<RuntimeId>(0);
    attempt.at = moment_of(row, 9);
    attempt.stack = text_of(row[11]);
    attempt.plugin = text_of(row[12]);
    attempt.version = text_of(row[13]);
    attempt.build_id = text_of(row[14]);
    if (!row[15].is_null()) attempt.cpu_seconds = parse_double(text_of(row[15]));
    if (!row[16].is_null()) attempt.peak_memory = row[16].as<std::int64_t>();
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

std::vector<JobState> PgJobs::states(const std::string& ids) {
  return link_.ask("look at jobs", [&](pqxx::transaction_base& session) {
    std::vector<JobState> states;
    for (const auto& row : exec(session, sql("state", table_), ids)) {
      states.push_back(state_of(row));
    }
    return states;
  });
}

/// A job of a lost runtime is rescued with all other jobs of that runtime. It becomes pending, or error, in a
/// transaction that fences the runtime. Then it is like any other job.
PgJobs::Done PgJobs::change(const std::string& action, const std::string& statement,
                            const std::vector<std::string>& ids) {
  const std::vector<std::string> each = distinct(ids);
  const std::string array = id_array(each);
  wanted_ = each.empty() ? "" : each.front();
  const std::vector<JobState> before = states(array);
  const auto is_lost = [](const JobState& state) { return state.standing == Standing::lost; };
  if (std::any_of(before.begin(), before.end(), is_lost)) rescue();
  Done done;
  const std::set<std::string> moved = link_.transact(action + " jobs", [&](pqxx::transaction_base& work) {
    if (!limited_) work.exec("SET LOCAL lock_timeout = '5s'");
    exec(work, sql("lock_jobs", table_), array);
    std::set<std::string> changed;
    for (const auto& row : exec(work, statement, array)) changed.insert(text_of(row[0]));
    done.audit = audit_.note(work, action, {}, each, changed.size());
    return changed;
  });
  const std::vector<JobState> after = states(array);
  for (std::size_t i = 0; i < each.size(); ++i) {
    const bool changed = moved.contains(each[i]);
    done.jobs.push_back({each[i], changed, false, changed ? before[i] : after[i]});
  }
  return done;
}

/// A server that has just started may not have heard from any runtime yet.
void PgJobs::rescue() {
  const Judge command{0, link_.ask("ask when the server started", [](pqxx::transaction_base& session) {
                        return parse_double(text_of(
                            session.exec("SELECT date_part('epoch', pg_postmaster_start_time())")[0][0]));
                      })};
  care_.rescue(command, fallback_);
}

std::vector<Changed> PgJobs::retry(const std::vector<std::string>& ids) {
  const std::vector<JobState> before = states(id_array(distinct(ids)));
  std::vector<Changed> changed = change("retry", sql("retry", table_), ids).jobs;
  for (std::size_t i = 0; i < changed.size(); ++i) {
    const bool rescued =
        before[i].standing == Standing::lost && changed[i].state.standing == Standing::pending;
    if (rescued) changed[i] = {changed[i].id, true, false, before[i]};
  }
  if (std::any_of(changed.begin(), changed.end(), [](const Changed& one) { return one.changed; })) wake();
  return changed;
}

void PgJobs::wake() {
  link_.ask("wake idle runtimes",
            [](pqxx::transaction_base& session) { return session.exec(wake_notification()); });
}

std::vector<Changed> PgJobs::cancel(const std::vector<std::string>& ids) {
  Done done = change("cancel", sql("cancel", table_), ids);
  std::vector<std::string> running;
  for (const auto& one : done.jobs) {
    if (!one.changed && one.state.standing == Standing::running) running.push_back(one.id);
  }
  if (running.empty()) return done.jobs;
  const std::set<std::string> asked = request_cancel(running, done.audit);
  for (auto& one : done.jobs) one.requested = asked.contains(one.id);
  return done.jobs;
}

std::set<std::string> PgJobs::request_cancel(const std::vector<std::string>& ids, std::int64_t audit) {
  return link_.transact("ask to cancel jobs", [&](pqxx::transaction_base& work) {
    std::set<std::string> asked;
    for (const auto& row : exec(work, sql("request_cancel", table_), id_array(ids))) {
      asked.insert(text_of(row[0]));
    }
    audit_.add(work, audit, asked.size());
    return asked;
  });
}

std::vector<Changed> PgJobs::remove(const std::vector<std::string>& ids) {
  return change("delete", sql("remove", table_), ids).jobs;
}

std::size_t PgJobs::step(const Batch& batch, Walk& walk) {
  const std::string what = std::string(batch.action) + " jobs";
  return link_.use(what, [&](pqxx::connection& connection) {
    try {
      return step(connection, batch, walk);
    } catch (const pqxx::sql_error& error) {
      if (!gave_up_waiting(error)) throw;
      throw HeldUp("could not " + what + " in " + link_.description() + ": " + server_message(error.what()) +
                   "; another session holds a lock on the table: try again later");
    }
  });
}

/// The walk goes on only when the batch is committed.
std::size_t PgJobs::step(pqxx::connection& connection, const Batch& batch, Walk& walk) {
  pqxx::work work(connection);
  link_.limit(work);
  work.exec(pump_settings("SET LOCAL") + "; SET LOCAL lock_timeout = '2s'");
  Walk next = walk;
  if (next.begun.empty()) next.begun = text_of(work.exec(sql("walk_begin"))[0][0]);
  const std::size_t changed =
      batch.filter.alike ? change_alike(work, batch, next) : change_next(work, batch, next);
  audit_.note(work, batch.action, batch.filter, next, changed);
  work.commit();
  walk = std::move(next);
  return changed;
}

std::size_t PgJobs::change_next(pqxx::transaction_base& transaction, const Batch& batch, Walk& walk) {
  const auto row = exec(transaction, batch_statement(table_, batch.filter, batch.change, batch.limit),
                        walk.created_at, walk.begun)[0];
  walk.over = row[0].as<std::size_t>() < batch.limit;
  if (!row[1].is_null()) walk.created_at = text_of(row[1]);
  return row[2].as<std::size_t>();
}

/// The rows are locked when they are read, so they stay alike until they are changed.
std::size_t PgJobs::change_alike(pqxx::transaction_base& transaction, const Batch& batch, Walk& walk) {
  const std::string behind = walk.place.empty() ? "(0,0)" : walk.place;
  const auto rows = exec(transaction, read_batch_statement(table_, batch.filter, batch.change, batch.limit),
                         walk.created_at, walk.begun, behind);
  ArrayText ids;
  for (const auto& row : rows) {
    walk.created_at = text_of(row[1]);
    walk.place = text_of(row[4]);
    if (FailureLikeness{likeness(text_of(row[2])), text_of(row[3])} == *batch.filter.alike)
      ids.add(text_of(row[0]));
  }
  walk.over = static_cast<std::size_t>(rows.size()) < batch.limit;
  return exec(transaction, change_read_statement(table_, batch.change), ids.str())[0][0].as<std::size_t>();
}

std::size_t PgJobs::retry_some(const JobFilter& filter, Walk& walk, std::size_t limit) {
  const std::size_t changed = step({"retry", filter, BatchChange::retry, limit}, walk);
  if (changed > 0) wake();
  return changed;
}

std::size_t PgJobs::remove_some(const JobFilter& filter, Walk& walk, std::size_t limit) {
  return step({"delete", filter, BatchChange::remove, limit}, walk);
}

std::size_t PgJobs::give_up_some(const JobFilter& filter, Walk& walk, std::size_t limit) {
  return step({"give up", filter, BatchChange::give_up, limit}, walk);
}

void PgJobs::record(const std::string& action, const Details& details, const std::vector<std::string>& ids) {
  link_.transact("record what was done by hand", [&](pqxx::transaction_base& work) {
    return audit_.note(work, action, details, ids, ids.size());
  });
}

/// A notification makes idle runtimes look for paused types at once.
bool PgJobs::pause(const std::string& type, const std::string& reason) {
  const std::string name = base::valid_utf8(type);
  const bool is_new = link_.transact("pause job type " + name, [&](pqxx::transaction_base& work) {
    const bool added =
        exec(work, sql("pause"), name, base::valid_utf8(audit_.actor()), base::valid_utf8(reason))[0][0]
            .as<bool>();
    audit_.note(work, "pause", {{"type", type}, {"reason", reason}}, {}, 0);
    return added;
  });
  wake();
  return is_new;
}

bool PgJobs::resume(const std::string& type) {
  const std::string name = base::valid_utf8(type);
  const bool was_paused = link_.transact("resume job type " + name, [&](pqxx::transaction_base& work) {
    if (exec(work, sql("resume"), name).empty()) return false;
    audit_.note(work, "resume", {{"type", type}}, {}, 0);
    return true;
  });
  if (was_paused) wake();
  return was_paused;
}

}  // namespace sluice::postgres
