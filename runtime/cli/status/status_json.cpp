// sluice status for programs.
#include "cli/status/status.hpp"
#include "cli/text/json.hpp"

namespace sluice::cli {

namespace {

void write(JsonWriter& writer, const store::Throughput& sum) {
  member(writer, "type", sum.type);
  member(writer, "done", sum.done);
  member(writer, "retrying", sum.retrying);
  member(writer, "failed", sum.failed);
  member(writer, "snoozed", sum.snoozed);
  member(writer, "busy_seconds", sum.busy);
}

void write(JsonWriter& writer, const store::PublishedPlugin& published) {
  const store::PluginReport& plugin = published.plugin;
  member(writer, "path", plugin.path);
  member(writer, "name", plugin.name);
  member(writer, "version", plugin.version);
  member(writer, "state", plugin.state);
  member(writer, "state_seconds", published.age);
  member(writer, "reason", plugin.reason);
  member(writer, "hosts", plugin.hosts);
  member(writer, "hosts_wanted", plugin.hosts_wanted);
  member(writer, "slots", plugin.slots);
  member(writer, "restarts", plugin.restarts);
  member(writer, "types", plugin.types);
  member(writer, "limits", plugin.limits);
}

void write(JsonWriter& writer, const store::RuntimeReport& row) {
  member(writer, "id", row.id);
  member(writer, "command", row.info.command);
  member(writer, "host", row.info.host);
  member(writer, "pid", row.info.pid);
  member(writer, "version", row.info.version);
  member(writer, "uptime_seconds", row.uptime);
  member(writer, "seconds_since_beat", row.since_beat);
  member(writer, "claimed", row.claimed);
  base::array_member(writer, "plugins", row.plugins, [&](const auto& plugin) { write(writer, plugin); });
}

void write_jobs(JsonWriter& writer, const store::Report& report) {
  base::array_member(writer, "counts", report.counts, [&](const store::StatusCount& row) {
    member(writer, "type", row.type);
    member(writer, "status", row.status);
    member(writer, "count", row.count);
    member(writer, "estimated", row.estimated);
  });
  base::array_member(writer, "waiting", report.waiting, [&](const store::TypeReport& row) {
    member(writer, "type", row.type);
    member(writer, "pending", row.pending);
    member(writer, "estimated", row.estimated);
    member(writer, "oldest_seconds", row.oldest_pending_age);
    member(writer, "plugin", row.plugin);
    member(writer, "plugin_version", row.plugin_version);
    member(writer, "served", row.served);
  });
  base::array_member(writer, "running", report.running, [&](const store::RunningReport& row) {
    member(writer, "id", row.job.id);
    write_running(writer, row.job, row.runtime);
  });
}

void write_report(JsonWriter& writer, const Status& status) {
  const store::Report& report = status.report;
  write_jobs(writer, report);
  const auto throughput = [&](const store::Throughput& sum) { write(writer, sum); };
  base::array_member(writer, "paused", report.paused, [&](const store::PausedType& row) {
    member(writer, "type", row.type);
    member(writer, "seconds", row.age);
    member(writer, "actor", row.actor);
    member(writer, "reason", row.reason);
  });
  base::array_member(writer, "last_minute", report.last_minute, throughput);
  base::array_member(writer, "last_hour", report.last_hour, throughput);
  base::array_member(writer, "runtimes", report.runtimes,
                     [&](const store::RuntimeReport& row) { write(writer, row); });
  base::array_member(writer, "failures", status.failures, [&](const store::Failure& row) {
    member(writer, "id", row.id);
    member(writer, "type", row.type);
    member(writer, "attempt", row.attempt);
    member(writer, "result", row.result);
    member(writer, "code", row.code);
    member(writer, "error", row.error);
  });
  member(writer, "stuck", report.stuck);
  if (report.next_due >= 0) member(writer, "next_due_seconds", report.next_due);
}

}  // namespace

void write_running(JsonWriter& writer, const store::RunningJob& job, store::RuntimeId runtime) {
  member(writer, "type", job.type);
  member(writer, "attempt", job.attempt);
  member(writer, "plugin", job.plugin);
  member(writer, "runtime", runtime);
  member(writer, "plugin_host_pid", job.host_pid);
  member(writer, "running_seconds", job.age);
  if (!job.fraction) return;
  member(writer, "progress", *job.fraction);
  member(writer, "note", job.note);
}

std::string status_json(const Status& status, const StatusOptions& options) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  if (options.since) {
    member(writer, "since_seconds", options.since->count());
    member(writer, "created", status.aggregate->created);
    member(writer, "created_more", status.aggregate->more);
    base::array_member(writer, "outcomes", status.aggregate->outcomes,
                       [&](const store::Throughput& sum) { write(writer, sum); });
  } else {
    write_report(writer, status);
  }
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace sluice::cli
