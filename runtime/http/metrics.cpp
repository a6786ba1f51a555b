#include "http/metrics.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/threads.hpp"
#include "http/families.hpp"

namespace sluice::http {

namespace {

constexpr const char* other_types = "(other)";

double seconds(base::Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

/// The types that the plugins serve, and those whose jobs were claimed before.
std::set<std::string> known_types(const Measured& measured) {
  std::set<std::string> types;
  for (const auto& [type, summary] : measured.types) types.insert(type);
  if (!measured.loop) return types;
  for (const auto& plugin : measured.loop->plugins) types.insert(plugin.types.begin(), plugin.types.end());
  return types;
}

/// With zeros for types without results yet, so that a rate includes their first job.
std::map<std::string, engine::TypeSummary> all_types(const Measured& measured) {
  auto all = measured.types;
  for (const std::string& type : known_types(measured)) all.try_emplace(type);
  return all;
}

void add_jobs(Families& families, const Measured& measured) {
  const auto types = all_types(measured);
  Family claimed = families.counter("sluice_jobs_claimed_total", "Jobs claimed from the outbox.");
  for (const auto& [type, summary] : types) claimed.add({{"type", type}}, summary.claimed);

  Family finished =
      families.counter("sluice_jobs_finished_total", "Attempts that ended, by the outcome of the job.");
  for (const auto& [type, summary] : types) {
    finished.add({{"type", type}, {"outcome", "done"}}, summary.done);
    finished.add({{"type", type}, {"outcome", "retry"}}, summary.retrying);
    finished.add({{"type", type}, {"outcome", "failed"}}, summary.failed);
    finished.add({{"type", type}, {"outcome", "snoozed"}}, summary.snoozed);
    finished.add({{"type", type}, {"outcome", "released"}}, summary.released);
  }

  Family failures = families.counter("sluice_job_failures_total", "Attempts that failed, by cause.");
  for (const auto& [type, summary] : types) {
    auto causes = summary.failures;
    for (const auto result : {job::Result::retry, job::Result::fail, job::Result::crashed}) {
      causes.try_emplace(job::name(result));
    }
    for (const auto& [cause, count] : causes) {
      failures.add({{"type", type}, {"cause", std::string(cause)}}, count);
    }
  }

  Family durations =
      families.histogram("sluice_job_duration_seconds", "Time that attempts spent in their handlers.");
  for (const auto& [type, summary] : types) durations.add({{"type", type}}, summary.seconds);
}

void add_runtime(Families& families, const Measured& measured) {
  const engine::RuntimeSummary& total = measured.total;
  families.histogram("sluice_claim_batch_size", "Jobs per claim.").add({}, total.claim_sizes);
  families.histogram("sluice_finish_batch_size", "Outcomes written together.").add({}, total.write_sizes);
  families
      .counter("sluice_outcomes_dropped_total",
               "Outcomes not written, because their job had been taken away.")
      .add({}, total.dropped);
  families
      .gauge("sluice_outcomes_waiting",
             "Outcomes that are tried again separately, because the database refuses them or another session "
             "has locked the row.")
      .add({}, total.aside);
  families.counter("sluice_runtimes_rescued_total", "Lost runtimes whose jobs this runtime took back.")
      .add({}, total.rescued.runtimes);
  Family rescued =
      families.counter("sluice_jobs_rescued_total", "Jobs of lost runtimes, by their new status.");
  rescued.add({{"status", "pending"}}, total.rescued.pending);
  rescued.add({{"status", "error"}}, total.rescued.error);
}

void add_queue(Families& families, const Measured& measured) {
  const DepthLook& look = measured.depths;
  if (!look.happened || !look.problem.empty()) return;
  const std::set<std::string> known = known_types(measured);
  std::map<std::pair<std::string, std::string>, std::int64_t> jobs;
  std::map<std::string, double> oldest;
  for (const std::string& type : known) {
    for (const char* status : {"pending", "scheduled", "processing", "error"}) jobs[{type, status}] = 0;
    oldest[type] = 0;
  }
  for (const store::QueueDepth& depth : look.depths) {
    const std::string type = known.contains(depth.type) ? depth.type : other_types;
    jobs[{type, depth.status}] += depth.jobs;
    if (depth.status != "pending") continue;
    double& age = oldest.try_emplace(type, 0).first->second;
    age = std::max(age, depth.oldest_age);  // a negative age means that a producer's clock is fast
  }
  Family depths = families.gauge("sluice_queue_jobs", "Jobs in the outbox that are not done.");
  for (const auto& [key, count] : jobs) {
    depths.add({{"type", key.first}, {"status", key.second}}, count);
  }
  Family ages =
      families.gauge("sluice_queue_oldest_pending_seconds", "Time since the oldest pending job was created.");
  for (const auto& [type, age] : oldest) ages.add({{"type", type}}, age);
  families.gauge("sluice_queue_counted_timestamp_seconds", "When the outbox was last counted.")
      .add({}, std::chrono::duration<double>(look.at.time_since_epoch()).count());
  families.gauge("sluice_queue_count_duration_seconds", "How long the last count took.")
      .add({}, seconds(look.took));
}

/// Zeros without a canary, so that the series do not come and go.
void add_canaries(Families& families, const std::vector<engine::PluginObservation>& plugins) {
  Family shares =
      families.gauge("sluice_canary_share", "The part of the plugin's jobs that its canary gets.");
  Family jobs = families.gauge("sluice_canary_jobs", "Jobs that the canary ran, by outcome.");
  for (const auto& plugin : plugins) {
    if (plugin.name.empty()) continue;
    const fleet::CanaryReport canary = plugin.canary.value_or(fleet::CanaryReport{});
    shares.add({{"plugin", plugin.name}}, canary.share);
    jobs.add({{"plugin", plugin.name}, {"outcome", "done"}}, canary.jobs - canary.failures);
    jobs.add({{"plugin", plugin.name}, {"outcome", "failed"}}, canary.failures);
  }
}

void add_plugins(Families& families, const Measured& measured) {
  if (!measured.loop) return;
  const auto& plugins = measured.loop->plugins;
  std::map<std::string, int> states;
  for (const char* state : {"loading", "ready", "restarting", "refused", "broken", "removed", "disabled"})
    states[state] = 0;
  for (const auto& plugin : plugins) ++states[plugin.state];
  Family by_state = families.gauge("sluice_plugins", "Plugin files by state.");
  for (const auto& [state, count] : states) by_state.add({{"state", state}}, count);

  Family hosts = families.gauge("sluice_hosts", "Plugin hosts by state.");
  Family slots = families.gauge("sluice_slots", "Jobs that the ready hosts of a plugin can run at once.");
  Family restarts =
      families.counter("sluice_host_restarts_total", "Plugin hosts that died and were started again.");
  Family cpu = families.counter("sluice_host_cpu_seconds_total", "CPU time of a plugin's hosts.");
  Family memory = families.gauge("sluice_host_resident_memory_bytes", "Memory of a plugin's hosts.");
  Family ages =
      families.gauge("sluice_host_oldest_age_seconds", "Time since a plugin's oldest host became ready.");
  Family orphans = families.counter("sluice_host_orphans_killed_total",
                                    "Processes that a plugin's hosts left behind, which were killed.");
  for (const auto& plugin : plugins) {
    if (plugin.name.empty() || plugin.state == "refused" || plugin.state == "removed" ||
        plugin.state == "disabled")
      continue;
    for (const auto& [state, count] : plugin.hosts) {
      hosts.add({{"plugin", plugin.name}, {"state", state}}, count);
    }
    slots.add({{"plugin", plugin.name}}, plugin.slots);
    restarts.add({{"plugin", plugin.name}}, plugin.restarts);
    cpu.add({{"plugin", plugin.name}}, plugin.cpu_seconds);
    memory.add({{"plugin", plugin.name}}, plugin.resident_bytes);
    ages.add({{"plugin", plugin.name}}, plugin.oldest_host_age);
    orphans.add({{"plugin", plugin.name}}, plugin.killed_orphans);
  }
  add_canaries(families, plugins);
  families.gauge("sluice_event_loop_lag_seconds", "How long the event loop took to answer this scrape.")
      .add({}, seconds(measured.loop->took));
}

void add_database(Families& families, const Measured& measured) {
  families.gauge("sluice_database_up", "1 while the database answers this runtime, else 0.")
      .add({}, measured.database_up ? 1 : 0);
  Family times = families.histogram("sluice_database_statement_duration_seconds",
                                    "Time until the database answered, by statement.");
  for (const auto& [statement, summary] : measured.statements) {
    times.add({{"statement", statement}}, summary.seconds);
  }
  Family errors = families.counter("sluice_database_errors_total", "Statements that failed.");
  for (const auto& [statement, summary] : measured.statements) {
    for (const char* kind : {"unavailable", "refused", "fenced"}) {
      const auto found = summary.errors.find(kind);
      errors.add({{"statement", statement}, {"kind", kind}},
                 found == summary.errors.end() ? 0 : found->second);
    }
  }
}

void add_process(Families& families, const Measured& measured) {
  families.gauge("sluice_build_info", "1, labelled with the version.")
      .add({{"version", measured.version}}, 1);
  if (!measured.process) return;
  const ProcessUsage& usage = *measured.process;
  families.counter("process_cpu_seconds_total", "CPU time of the runtime, without its plugin hosts.")
      .add({}, usage.cpu_seconds);
  families.gauge("process_start_time_seconds", "When the runtime started.").add({}, usage.start_time);
  families.gauge("process_resident_memory_bytes", "Memory of the runtime, without its plugin hosts.")
      .add({}, usage.resident_bytes);
  families.gauge("process_virtual_memory_bytes", "Address space of the runtime.")
      .add({}, usage.virtual_bytes);
  families.gauge("process_open_fds", "Open file descriptors of the runtime.").add({}, usage.open_files);
  families.gauge("process_max_fds", "The most open file descriptors that the runtime may have.")
      .add({}, usage.most_files);
}

}  // namespace

std::string metrics_text(const Measured& measured) {
  Families families;
  add_jobs(families, measured);
  add_runtime(families, measured);
  add_queue(families, measured);
  add_plugins(families, measured);
  add_database(families, measured);
  add_process(families, measured);
  return families.text();
}

}  // namespace sluice::http
