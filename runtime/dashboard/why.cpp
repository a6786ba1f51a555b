#include "dashboard/why.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/duration.hpp"
#include "base/shell_word.hpp"
#include "dashboard/models.hpp"
#include "dashboard/pages.hpp"
#include "dashboard/verdict.hpp"
#include "dashboard/view.hpp"

namespace sluice::dashboard {

using base::shell_word;
using store::Standing;

namespace {

/// A type whose oldest job waits for longer is not served at once.
constexpr double short_wait = 60;
constexpr const char* reload = "sluice reload --wait";

std::string duration_of(double seconds) {
  if (!std::isfinite(seconds)) return "an unknown time";
  return base::format_duration(std::chrono::microseconds(std::llround(std::max(0.0, seconds) * 1e6)));
}

std::string number(const store::Counted& counted) {
  return (counted.more ? "more than " : "") + grouped(counted.count);
}

std::string command(const std::string& words, const std::string& name) {
  return words + " " + shell_word(name);
}

std::string label(const store::PluginReport& plugin) {
  return "plugin " + (plugin.name.empty() ? plugin.path : plugin.name);
}

std::vector<store::RuntimeReport> live_ones(const std::vector<store::RuntimeReport>& runtimes) {
  std::vector<store::RuntimeReport> live;
  std::copy_if(runtimes.begin(), runtimes.end(), std::back_inserter(live),
               [](const auto& runtime) { return runtime.live; });
  return live;
}

const store::TypeOverview* type_in(const Facts& facts) {
  const std::string& name = facts.job ? facts.job->job.type : facts.asked;
  const auto found =
      std::find_if(facts.types.begin(), facts.types.end(), [&](const auto& one) { return one.type == name; });
  return found == facts.types.end() ? nullptr : &*found;
}

bool serves(const store::PluginReport& plugin, const std::string& type) {
  return std::find(plugin.types.begin(), plugin.types.end(), type) != plugin.types.end();
}

// ---- The database ----------------------------------------------------------------------------------------

Check database_check(const Facts& facts) {
  const bool good = facts.database_problem.empty();
  return {"database", "Does the database answer?", good, good ? "Yes." : "No: " + facts.database_problem,
          good ? "" : "sluice health db"};
}

Check schema_check(const Facts& facts) {
  const bool good = facts.schema_problem.empty();
  return {"schema", "Does the schema fit this program?", good, good ? "Yes." : "No: " + facts.schema_problem,
          good ? "" : "sluice health db"};
}

Check held_up_check(const Facts& facts) {
  return {"locks", "Can the tables be read?", false,
          "No: " + facts.held_up + ". Neither runtimes nor applications can use what is locked until then.",
          "sluice health db"};
}

// ---- What was asked for ----------------------------------------------------------------------------------

Check found_check(const Facts& facts) {
  const std::string question = "Is there such a job or job type?";
  if (facts.job)
    return {"found", question, true,
            "Yes, job " + facts.job->job.id + " of type " + facts.job->job.type + " is in " +
                facts.job->state.status + ".",
            ""};
  if (type_in(facts) != nullptr) return {"found", question, true, "Yes, type " + facts.asked + ".", ""};
  return {"found", question, false,
          "No job has this id, and no type this name. The application's transaction has not committed or was "
          "rolled back, or Sluice uses another database or table than the application.",
          "sluice config check"};
}

// ---- Runtimes and plugins --------------------------------------------------------------------------------

std::string lost_text(const std::vector<store::RuntimeReport>& runtimes) {
  if (runtimes.empty()) return "No.";
  const auto& last = *std::min_element(runtimes.begin(), runtimes.end(), [](const auto& a, const auto& b) {
    return a.since_beat < b.since_beat;
  });
  return "No: runtime " + std::to_string(last.id) + " (process " + std::to_string(last.info.pid) + " on " +
         last.info.host + ") sent its last heartbeat " + duration_of(last.since_beat) + " ago.";
}

Check runtime_check(const Facts& facts) {
  const std::string question = "Does a runtime run?";
  const auto live = live_ones(facts.runtimes);
  if (live.empty()) return {"runtime", question, false, lost_text(facts.runtimes), "sluice run"};
  double last = live.front().since_beat;
  for (const auto& one : live) last = std::min(last, one.since_beat);
  return {"runtime", question, true,
          "Yes, " + std::to_string(live.size()) + "; the last heartbeat was " + duration_of(last) + " ago.",
          ""};
}

Check paused_check(const store::TypeOverview& type) {
  const std::string question = "Is the type free to run?";
  if (!type.paused) return {"paused", question, true, "Yes, it is not paused.", ""};
  return {"paused", question, false,
          "No, it was paused by " + type.paused->actor + " " + duration_of(type.paused->since.age) + " ago" +
              (type.paused->reason.empty() ? "." : ": " + type.paused->reason),
          command("sluice jobs resume", type.type)};
}

bool concerns(const store::PluginReport& plugin, const store::TypeOverview& type) {
  return serves(plugin, type.type) || (!type.plugin.empty() && plugin.name == type.plugin) ||
         plugin.reason.find(type.type) != std::string::npos;
}

std::string state_text(const store::PluginReport& plugin, double age) {
  return label(plugin) + " " + plugin.version + (plugin.version.empty() ? "" : " ") + "is " + plugin.state +
         " for " + duration_of(age) + (plugin.reason.empty() ? "" : ": " + plugin.reason);
}

std::string remedy(const store::PluginReport& plugin) {
  return plugin.state == "refused" || plugin.state == "broken" || plugin.state == "disabled" ? reload : "";
}

std::string remedy_text(const store::PluginReport& plugin) {
  if (plugin.state == "disabled")
    return "Set plugin." + plugin.name + ".enabled = true in the configuration, then reload.";
  return remedy(plugin).empty() ? "" : "Fix that, then reload.";
}

std::string with_period(std::string text) {
  return text.empty() || text.ends_with('.') ? text : text + ".";
}

struct Found {
  const store::PublishedPlugin* plugin = nullptr;
  store::RuntimeId runtime = 0;
};

/// The plugin of the type in a live runtime: one that serves it if there is one, else one that does not.
Found plugin_of(const store::TypeOverview& type, const std::vector<store::RuntimeReport>& live) {
  Found found;
  for (const auto& runtime : live) {
    for (const auto& one : runtime.plugins) {
      if (!concerns(one.plugin, type)) continue;
      found = {&one, runtime.id};
      if (one.plugin.state == "ready" && serves(one.plugin, type.type)) return found;
    }
  }
  return found;
}

Check plugin_check(const store::TypeOverview& type, const std::vector<store::RuntimeReport>& live) {
  const std::string question = "Is its plugin loaded and ready?";
  const auto [found, runtime] = plugin_of(type, live);
  if (found == nullptr) {
    const std::string none =
        type.plugin.empty() ? "No: no plugin has ever served the type; its name may have a typo."
                            : "No: no live runtime has plugin " + type.plugin + ", which served it last.";
    return {"plugin", question, false, none, "sluice plugin list"};
  }
  const bool good = found->plugin.state == "ready";
  const std::string next = remedy_text(found->plugin);
  return {"plugin", question, good,
          (good ? "Yes: in runtime " : "No: in runtime ") + std::to_string(runtime) + ", " +
              with_period(state_text(found->plugin, found->age)) + (next.empty() ? "" : " " + next),
          remedy(found->plugin)};
}

std::string hosts_text(const std::vector<store::RuntimeReport>& live, const std::string& type) {
  std::string text;
  for (const auto& runtime : live) {
    for (const auto& [plugin, age] : runtime.plugins) {
      if (serves(plugin, type)) text += (text.empty() ? " in runtime " : ", ") + std::to_string(runtime.id);
    }
  }
  return text;
}

Check served_check(const store::TypeOverview& type, const std::vector<store::RuntimeReport>& live) {
  const std::string question = "Is the type served?";
  if (!type.served)
    return {"served", question, false, "No: " + with_period(unserved_because(type, live)), ""};
  return {"served", question, true,
          "Yes, by plugin " + type.plugin + " " + type.plugin_version + hosts_text(live, type.type) + ".",
          ""};
}

// ---- Room and order --------------------------------------------------------------------------------------

/// What the plugins that serve a type can run, and what they run.
struct Room {
  int slots = 0;
  int runtimes = 0;
  std::int64_t busy = 0;
};

Room room_for(const Facts& facts, const store::TypeOverview& type) {
  Room room;
  std::set<std::string> sharing{type.type};
  for (const auto& runtime : live_ones(facts.runtimes)) {
    for (const auto& [plugin, age] : runtime.plugins) {
      if (!serves(plugin, type.type)) continue;
      room.slots += plugin.slots;
      ++room.runtimes;
      sharing.insert(plugin.types.begin(), plugin.types.end());
    }
  }
  for (const auto& one : facts.types) {
    if (sharing.contains(one.type)) room.busy += one.processing.count;
  }
  return room;
}

Check room_check(const Facts& facts, const store::TypeOverview& type) {
  const std::string question = "Is there room for another job of the type?";
  const Room room = room_for(facts, type);
  const std::int64_t most =
      facts.concurrency.value_or(0) * static_cast<std::int64_t>(std::max(1, room.runtimes));
  if (most > 0 && type.processing.count >= most)
    return {"room", question, false,
            "No: " + grouped(type.processing.count) +
                " of its jobs run or are about to, and its concurrency is " +
                std::to_string(*facts.concurrency) + " in each runtime.",
            command("sluice jobs list --status processing --type", type.type)};
  if (room.slots > 0 && room.busy >= room.slots)
    return {"room", question, false,
            "No: its plugin has " + std::to_string(room.slots) + " slots, and " + grouped(room.busy) +
                " jobs run in them or are about to. Raise slots or processes of the plugin, or wait.",
            "sluice jobs list --status processing"};
  std::string text =
      "Yes, " + grouped(room.busy) + " of " + std::to_string(room.slots) + " slots are in use.";
  if (type.pending.count > 0 && type.processing.count > 0)
    text += " If the plugin declares a concurrency for the type, that may be less.";
  return {"room", question, room.slots > 0, room.slots > 0 ? text : "No: no plugin host is ready.", ""};
}

Check queue_check(const store::TypeOverview& type) {
  const std::string question = "Is its queue short?";
  if (type.pending.count == 0) return {"queue", question, true, "Nothing waits.", ""};
  const double oldest = type.oldest_pending.value_or(0);
  return {"queue", question, oldest < short_wait,
          number(type.pending) + " wait, the oldest for " + duration_of(oldest) + ".",
          command("sluice jobs list --status pending --type", type.type)};
}

Check order_check(const store::JobDetails& job, const store::Counted& older) {
  const std::string question = "Does the job come first?";
  if (job.job.created.age < 0)
    return {"order", question, false,
            "No: its createdAt is " + duration_of(-job.job.created.age) +
                " ahead of the database's clock, and jobs run oldest first. Correct the producer's clock.",
            ""};
  if (older.count == 0) return {"order", question, true, "Yes, no older job of its type waits.", ""};
  return {"order", question, false, "No: " + number(older) + " older jobs of its type come first.",
          command("sluice jobs list --status pending --type", job.job.type)};
}

Check success_check(const store::TypeOverview& type) {
  const auto& hour = type.last_hour;
  const bool good = hour.failed + hour.retrying <= hour.done;
  return {"outcomes", "Do its jobs succeed?", good,
          grouped(hour.done) + " done, " + grouped(hour.retrying) + " to be tried again and " +
              grouped(hour.failed) + " failed in the last hour.",
          good ? "" : command("sluice jobs list --status error --type", type.type)};
}

// ---- The job ---------------------------------------------------------------------------------------------

Check state_check(const std::string& question, bool good, const store::JobDetails& job,
                  const std::string& next = "") {
  return {"job", question, good, next_of(job), next.empty() ? "" : command(next, job.job.id)};
}

Check standing_check(const store::JobDetails& job) {
  switch (job.state.standing) {
    case Standing::planned:
      return state_check("Is the job due?", job.job.due && job.job.due->age > 0, job, "sluice jobs retry");
    case Standing::failed:
      return state_check("Will the job run again?", false, job, "sluice jobs retry");
    case Standing::stuck:
      return state_check("Does a runtime have the job?", false, job, "sluice jobs retry");
    case Standing::lost:
      return state_check("Is its runtime alive?", false, job);
    case Standing::foreign:
      return state_check("Does a runtime have the job?", false, job, "sluice jobs show");
    case Standing::running:
      return state_check("Does the job run?", true, job, "sluice jobs cancel");
    case Standing::done:
      return state_check("Did the job run?", true, job, "sluice jobs show");
    case Standing::pending:
      return state_check("May the job be claimed?", true, job);
    case Standing::missing:
    case Standing::other:
      break;
  }
  return state_check("Does Sluice handle its status?", false, job);
}

Check lock_check(const std::string& blocker) {
  const std::string question = "Is its row free?";
  if (blocker.empty()) return {"lock", question, true, "Yes, no other session is known to hold it.", ""};
  return {"lock", question, false,
          "No: " + blocker + " holds it. Sluice continues when that session ends its transaction.",
          "sluice health db"};
}

Check failure_check(const store::JobDetails& job) {
  const store::Attempt& failure = *job.job.failure;
  return {"attempt", "Did its last attempt succeed?", false,
          "No: attempt " + std::to_string(failure.number) +
              (job.max_attempts > 0 ? " of " + std::to_string(job.max_attempts) : "") + " ended as " +
              failure.result + (failure.code.empty() ? "" : " [" + failure.code + "]") + ": " + failure.error,
          command("sluice jobs show", job.job.id)};
}

Check poison_check(const store::JobDetails& job) {
  const std::string question = "Do its attempts leave its plugin host alive?";
  if (job.job.failure && job.job.failure->code == "poison")
    return {"poison", question, false,
            "No: it is poison, because its plugin crashed again and again at the same place. Fix the plugin "
            "first.",
            "sluice jobs retry --code poison"};
  const auto crashes = std::count_if(job.attempts.begin(), job.attempts.end(),
                                     [](const auto& one) { return one.result == "crashed"; });
  if (crashes == 0) return {"poison", question, true, "Yes, none of its attempts crashed.", ""};
  return {
      "poison", question, false,
      "No: " + std::to_string(crashes) + " of its attempts crashed, so it runs alone when it is tried again.",
      command("sluice jobs show", job.job.id)};
}

bool may_be_locked(Standing standing) {
  return standing == Standing::pending || standing == Standing::planned || standing == Standing::lost ||
         standing == Standing::stuck;
}

void add_job(const Facts& facts, std::vector<Check>& checks) {
  const store::JobDetails& job = *facts.job;
  const Standing standing = job.state.standing;
  checks.push_back(standing_check(job));
  if (standing == Standing::pending && facts.older) checks.push_back(order_check(job, *facts.older));
  if (may_be_locked(standing)) checks.push_back(lock_check(facts.blocker));
  if (standing == Standing::done || !job.job.failure) return;
  checks.push_back(failure_check(job));
  checks.push_back(poison_check(job));
}

void add_type(const Facts& facts, const store::TypeOverview& type, std::vector<Check>& checks) {
  const auto live = live_ones(facts.runtimes);
  checks.push_back(paused_check(type));
  if (!live.empty()) checks.push_back(plugin_check(type, live));
  checks.push_back(served_check(type, live));
  if (type.served) checks.push_back(room_check(facts, type));
  if (facts.job) return;
  checks.push_back(queue_check(type));
  checks.push_back(success_check(type));
}

/// A type that nothing has served and that has no other jobs.
store::TypeOverview unknown(const std::string& type) {
  store::TypeOverview overview;
  overview.type = type;
  return overview;
}

store::Counted older_than(Session& session, const store::JobSummary& job) {
  store::JobQuery query;
  query.statuses = {"pending"};
  query.types = {job.type};
  query.created_before = parse_time("created", job.created.iso);
  return session.insight->count(query).counted;
}

void find_out_about_job(Session& session, Facts& facts) {
  const auto standing = facts.job->state.standing;
  if (may_be_locked(standing)) {
    facts.blocker = session.care->blocker(facts.job->job.id);
    if (facts.blocker.empty()) facts.blocker = session.care->blocker(std::nullopt);
  }
  // A time that a filter takes: from 1970 to 9999.
  const std::string& created = facts.job->job.created.iso;
  if (standing == Standing::pending && created.size() == 24 && created >= "1970")
    facts.older = older_than(session, facts.job->job);
}

void ask(Session& session, Facts& facts) {
  facts.runtimes = session.desk->activity().runtimes;
  facts.types = session.insight->types();
  facts.job = session.jobs->show(facts.asked);
  if (facts.job) find_out_about_job(session, facts);
}

}  // namespace

bool Explanation::good() const {
  return std::all_of(checks.begin(), checks.end(), [](const auto& check) { return check.good; });
}

Facts find_out(Session& session, const std::string& asked) {
  Facts facts;
  facts.asked = asked;
  bool schema_fits = false;
  try {
    session.desk->check_schema();
    schema_fits = true;
    ask(session, facts);
  } catch (const store::Refused& refused) {
    (schema_fits ? facts.database_problem : facts.schema_problem) = refused.what();
  } catch (const store::HeldUp& held) {
    facts.held_up = held.what();
  } catch (const store::TimedOut& late) {
    facts.held_up = late.what();
  } catch (const std::runtime_error& failed) {
    facts.database_problem = failed.what();
  }
  return facts;
}

Explanation explain(const Facts& facts) {
  Explanation explanation;
  auto& checks = explanation.checks;
  checks.push_back(database_check(facts));
  if (!facts.database_problem.empty()) return explanation;
  checks.push_back(schema_check(facts));
  if (!facts.schema_problem.empty()) return explanation;
  if (!facts.held_up.empty()) {
    checks.push_back(held_up_check(facts));
    return explanation;
  }
  checks.push_back(found_check(facts));
  if (!checks.back().good) return explanation;
  if (facts.job) explanation.job = facts.job->job.id;
  explanation.type = facts.job ? facts.job->job.type : facts.asked;
  // Only the job's own checks tell about one that is over.
  const bool over = facts.job && facts.job->state.standing == Standing::done;
  if (!over) checks.push_back(runtime_check(facts));
  const auto* const type = type_in(facts);
  if (!over) add_type(facts, type == nullptr ? unknown(explanation.type) : *type, checks);
  if (facts.job) add_job(facts, checks);
  return explanation;
}

void write(base::JsonWriter& writer, const Explanation& explanation) {
  if (!explanation.job.empty()) base::member(writer, "job", explanation.job);
  if (!explanation.type.empty()) base::member(writer, "type", explanation.type);
  base::member(writer, "good", explanation.good());
  base::array_member(writer, "checks", explanation.checks, [&](const Check& check) {
    base::member(writer, "name", check.name);
    base::member(writer, "question", check.question);
    base::member(writer, "good", check.good);
    base::member(writer, "answer", check.answer);
    base::member(writer, "command", check.command);
  });
}

}  // namespace sluice::dashboard
