#include "dashboard/models.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <span>

#include "base/duration.hpp"

namespace sluice::dashboard {

namespace {

constexpr std::size_t most_types_of_plugin = 100;

void optional_member(JsonWriter& writer, const char* key, const std::optional<double>& value) {
  member(writer, key, value.value_or(std::nan("")));
}

void write(JsonWriter& writer, const char* key, const store::Percentiles& percentiles) {
  object_member(writer, key, [&] {
    optional_member(writer, "p50_seconds", percentiles.p50);
    optional_member(writer, "p95_seconds", percentiles.p95);
    optional_member(writer, "p99_seconds", percentiles.p99);
  });
}

void write(JsonWriter& writer, const store::PublishedPlugin& published) {
  const store::PluginReport& plugin = published.plugin;
  member(writer, "path", plugin.path);
  member(writer, "name", plugin.name);
  member(writer, "version", plugin.version);
  member(writer, "state", plugin.state);
  member(writer, "in_state_seconds", published.age);
  member(writer, "reason", plugin.reason);
  member(writer, "hosts", plugin.hosts);
  member(writer, "hosts_wanted", plugin.hosts_wanted);
  member(writer, "slots", plugin.slots);
  member(writer, "restarts", plugin.restarts);
  const auto shown = std::min(plugin.types.size(), most_types_of_plugin);
  member(writer, "types",
         std::vector<std::string>(plugin.types.begin(),
                                  plugin.types.begin() + static_cast<std::ptrdiff_t>(shown)));
  member(writer, "more_types", plugin.types.size() - shown);
  member(writer, "limits", plugin.limits);
  member(writer, "canary", plugin.canary);
  member(writer, "abi", plugin.abi);
  member(writer, "digest", plugin.digest);
  raw_member(writer, "each_host", plugin.host_figures);
}

void write(JsonWriter& writer, const std::string& key, const std::vector<store::Relative>& relatives) {
  const std::size_t shown = std::min(relatives.size(), store::most_relatives);
  array_member(writer, key.c_str(), std::span(relatives).first(shown), [&](const store::Relative& one) {
    member(writer, "id", one.id);
    member(writer, "type", one.type);
    member(writer, "status", one.status);
  });
  member(writer, ("more_" + key).c_str(), relatives.size() - shown);
}

using Minutes = std::array<std::int64_t, store::minutes_of_an_hour>;

std::int64_t greatest(const Minutes& minutes) {
  return *std::max_element(minutes.begin(), minutes.end());
}

/// On one line.
std::string list_of(const Minutes& minutes) {
  std::string list;
  for (const std::int64_t one : minutes) list += (list.empty() ? "" : ",") + std::to_string(one);
  return "[" + list + "]";
}

std::string seconds(double duration) {
  return base::format_duration(std::chrono::microseconds(std::llround(std::max(0.0, duration) * 1e6)));
}

std::string named(const store::Holder& holder) {
  return "runtime " + std::to_string(holder.id) + " (process " + std::to_string(holder.pid) + " on " +
         holder.host + ")";
}

}  // namespace

std::string iso(store::Time time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
  const std::time_t whole = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(milliseconds.time_since_epoch().count() % 1000));
  return text.data();
}

void member(JsonWriter& writer, const char* key, const store::Moment& moment) {
  if (!moment.iso.empty()) return member(writer, key, moment.iso);
  writer.Key(key);
  writer.Null();
}

void member(JsonWriter& writer, const char* key, const store::Counted& counted) {
  object_member(writer, key, [&] {
    member(writer, "count", counted.count);
    member(writer, "more", counted.more);
  });
}

void write(JsonWriter& writer, const store::Outcomes& outcomes) {
  member(writer, "done", outcomes.done);
  member(writer, "retrying", outcomes.retrying);
  member(writer, "failed", outcomes.failed);
  member(writer, "snoozed", outcomes.snoozed);
  member(writer, "busy_seconds", outcomes.busy);
  write(writer, "waiting", outcomes.waiting);
  write(writer, "running", outcomes.running);
}

void write(JsonWriter& writer, const store::Series& series) {
  member(writer, "step_seconds", series.step.count());
  object_member(writer, "total", [&] { write(writer, series.total); });
  array_member(writer, "steps", series.steps, [&](const store::SeriesStep& step) {
    member(writer, "at", iso(step.at));
    write(writer, step.outcomes);
  });
}

void write(JsonWriter& writer, const store::VersionOutcomes& version) {
  member(writer, "version", version.version);
  member(writer, "done", version.done);
  member(writer, "retrying", version.retrying);
  member(writer, "failed", version.failed);
  member(writer, "first", iso(version.first));
  member(writer, "last", iso(version.last));
}

void write(JsonWriter& writer, const store::TypeOverview& type) {
  member(writer, "type", type.type);
  member(writer, "pending", type.pending);
  member(writer, "processing", type.processing);
  member(writer, "error", type.error);
  member(writer, "scheduled", type.scheduled);
  if (type.oldest_pending) member(writer, "oldest_pending_seconds", *type.oldest_pending);
  object_member(writer, "last_hour", [&] { write(writer, type.last_hour); });
  member(writer, "plugin", type.plugin);
  member(writer, "plugin_version", type.plugin_version);
  member(writer, "served", type.served);
  raw_member(writer, "limits", type.limits);
  array_member(writer, "serving", type.serving, [&](const store::Serving& serving) {
    member(writer, "plugin", serving.plugin);
    member(writer, "version", serving.version);
    member(writer, "runtimes", serving.runtimes);
  });
  array_member(writer, "versions", type.versions, [&](const auto& version) { write(writer, version); });
  object_member(writer, "minutes", [&] {
    raw_member(writer, "done", list_of(type.minutes.done));
    raw_member(writer, "failed", list_of(type.minutes.failed));
    member(writer, "most", std::max(greatest(type.minutes.done), greatest(type.minutes.failed)));
  });
  if (!type.paused) return;
  object_member(writer, "paused", [&] {
    member(writer, "since", type.paused->since);
    member(writer, "by", type.paused->actor);
    member(writer, "reason", type.paused->reason);
  });
}

void write(JsonWriter& writer, const store::RuntimeReport& runtime) {
  member(writer, "id", runtime.id);
  member(writer, "command", runtime.info.command);
  member(writer, "host", runtime.info.host);
  member(writer, "pid", runtime.info.pid);
  member(writer, "version", runtime.info.version);
  member(writer, "uptime_seconds", runtime.uptime);
  member(writer, "since_beat_seconds", runtime.since_beat);
  member(writer, "claimed", runtime.claimed);
  member(writer, "live", runtime.live);
  member(writer, "fenced", runtime.info.command == "lost");
  array_member(writer, "plugins", runtime.plugins, [&](const auto& plugin) { write(writer, plugin); });
  if (!runtime.settings.empty()) raw_member(writer, "settings", runtime.settings);
}

void write(JsonWriter& writer, const store::JobSummary& job) {
  member(writer, "id", job.id);
  member(writer, "type", job.type);
  member(writer, "status", job.status);
  member(writer, "attempts", job.attempts);
  member(writer, "created_at", job.created);
  member(writer, "updated_at", job.updated);
  if (job.due) member(writer, "due_at", *job.due);
  if (!job.failure) return;
  object_member(writer, "last_failure", [&] {
    member(writer, "attempt", job.failure->number);
    member(writer, "result", job.failure->result);
    member(writer, "code", job.failure->code);
    member(writer, "error", job.failure->error);
    member(writer, "at", job.failure->at);
  });
}

void write(JsonWriter& writer, const store::Attempt& attempt) {
  member(writer, "attempt", attempt.number);
  member(writer, "at", attempt.at);
  member(writer, "result", attempt.result);
  member(writer, "code", attempt.code);
  member(writer, "error", attempt.error);
  member(writer, "log_tail", attempt.log_tail);
  member(writer, "stack", attempt.stack);
  if (attempt.duration.value_or(0) > 0) member(writer, "ran_seconds", *attempt.duration);
  member(writer, "plugin", attempt.plugin);
  member(writer, "plugin_version", attempt.version);
  member(writer, "build_id", attempt.build_id);
  if (attempt.cpu_seconds) member(writer, "cpu_seconds", *attempt.cpu_seconds);
  if (attempt.peak_memory) member(writer, "peak_bytes", *attempt.peak_memory);
  if (attempt.host.empty()) return;
  member(writer, "runtime", attempt.runtime);
  member(writer, "host", attempt.host);
  member(writer, "pid", attempt.pid);
}

void write(JsonWriter& writer, const store::FailureGroup& group) {
  member(writer, "type", group.type);
  member(writer, "code", group.code);
  member(writer, "frame", group.frame);
  member(writer, "message", group.message);
  member(writer, "attempts", group.attempts);
  member(writer, "first", group.first);
  member(writer, "last", group.last);
  member(writer, "versions", group.versions);
  member(writer, "example", group.example);
  member(writer, "example_error", group.error);
}

void write(JsonWriter& writer, const store::DatabaseState& state) {
  member(writer, "server_version", state.server_version);
  array_member(writer, "oldest_snapshots", state.oldest, [&](const store::SnapshotHolder& holder) {
    member(writer, "kind", holder.kind);
    member(writer, "name", holder.name);
    optional_member(writer, "age_seconds", holder.age);
    member(writer, "transactions", holder.xids);
  });
  member(writer, "live_rows", state.live_rows);
  member(writer, "dead_rows", state.dead_rows);
  if (state.last_vacuum) member(writer, "last_vacuum", *state.last_vacuum);
  member(writer, "table_bytes", state.table_bytes);
  member(writer, "index_bytes", state.index_bytes);
  member(writer, "schema_bytes", state.schema_bytes);
  member(writer, "database_bytes", state.database_bytes);
  member(writer, "notification_queue_part", state.notification_queue);
  member(writer, "connections", state.connections);
  member(writer, "connections_max", state.connections_max);
}

void write(JsonWriter& writer, const store::AuditEntry& entry) {
  member(writer, "id", entry.id);
  member(writer, "at", entry.at);
  member(writer, "actor", entry.actor);
  member(writer, "role", entry.role);
  member(writer, "source", entry.source);
  member(writer, "action", entry.action);
  if (!entry.filter.empty()) raw_member(writer, "filter", entry.filter);
  member(writer, "ids", entry.ids);
  member(writer, "affected", entry.affected);
  member(writer, "over", entry.over);
}

void write(JsonWriter& writer, const store::JobDetails& details, const Shown& shown) {
  write(writer, details.job);
  member(writer, "next", next_of(details));
  if (shown.payload != nullptr) raw_member(writer, "payload", *shown.payload);
  if (shown.output != nullptr) raw_member(writer, "output", *shown.output);
  if (!details.plugin.empty()) {
    member(writer, "max_attempts", details.max_attempts);
    member(writer, "plugin", details.plugin);
    member(writer, "plugin_version", details.plugin_version);
  }
  if (details.state.holder) {
    object_member(writer, "runtime", [&] {
      member(writer, "id", details.state.holder->id);
      member(writer, "host", details.state.holder->host);
      member(writer, "pid", details.state.holder->pid);
      member(writer, "live", details.state.holder->live);
    });
  }
  if (details.running) {
    object_member(writer, "running", [&] {
      member(writer, "running_seconds", details.running->age);
      member(writer, "plugin_host", details.running->host_pid);
      if (details.running->fraction) member(writer, "progress_part", *details.running->fraction);
      member(writer, "note", details.running->note);
    });
  }
  if (details.done_run) {
    object_member(writer, "done_by", [&] {
      member(writer, "attempt", details.done_run->attempt);
      member(writer, "runtime", details.done_run->holder.id);
      member(writer, "host", details.done_run->holder.host);
      member(writer, "plugin_host", details.done_run->host_pid);
      member(writer, "ended", details.done_run->ended);
      member(writer, "ran_seconds", details.done_run->took);
    });
  }
  member(writer, "cancel_requested", details.state.cancel_requested);
  write(writer, "follow_ups", details.follow_ups);
  write(writer, "parents", details.parents);
  array_member(writer, "failed_attempts", details.attempts,
               [&](const auto& attempt) { write(writer, attempt); });
}

std::string next_of(const store::JobDetails& details) {
  const store::JobState& state = details.state;
  switch (state.standing) {
    case store::Standing::missing:
      return "There is no such job.";
    case store::Standing::pending:
      if (details.plugin.empty())
        return "It waits. No plugin has ever served its type, so a plugin that declares the type is needed.";
      return "It waits until plugin " + details.plugin + " has room, behind the older jobs of its type.";
    case store::Standing::planned:
      if (details.job.due && details.job.due->age <= 0)
        return "It becomes pending in " + seconds(-details.job.due->age) + ", and is then tried again.";
      return "It is due. A runtime makes it pending when it next looks.";
    case store::Standing::failed:
      return "Nothing. It failed for good, and only a retry by hand makes it run again.";
    case store::Standing::done:
      return "Nothing. It is done.";
    case store::Standing::running:
      return "It has been with " + named(*state.holder) + " for " + seconds(state.since_update) +
             (state.cancel_requested ? ", which was asked to stop it." : ", which writes its outcome.");
    case store::Standing::lost:
      return "Its runtime, " + named(*state.holder) + ", is lost. Another runtime takes the job back.";
    case store::Standing::foreign:
      return "It is in processing, but no runtime of Sluice has it. Another program may be working on it. "
             "After 10 "
             "minutes it counts as stuck.";
    case store::Standing::stuck:
      return "Nothing. It is stuck: it has been in processing for " + seconds(state.since_update) +
             ", and no runtime has it. A retry makes it pending.";
    case store::Standing::other:
      break;
  }
  return "Nothing by Sluice, because its status is the application's own.";
}

}  // namespace sluice::dashboard
