#include "engine/care/presence.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "engine/care/type_limits.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::seconds running_interval{1};
constexpr std::chrono::seconds count_interval{5};
constexpr std::chrono::seconds figures_interval{10};
/// The most that may wait to be written while the database is unavailable, and the most in one row.
constexpr std::size_t most_traces = 100'000;
constexpr std::size_t trace_batch = 1000;

/// Why the plugin serves nothing, or less than it declares, or not what its file holds now.
std::string reason(const fleet::Plugin& plugin) {
  std::string text = plugin.reason;
  const auto add = [&](const std::string& why) { text += (text.empty() ? "" : "\n") + why; };
  if (!plugin.newer_refused.empty()) add(plugin.newer_refused);
  if (plugin.canary) add(plugin.canary->words);
  for (const auto& [type, why] : plugin.refused_types) add(why);
  return text;
}

store::PluginReport report(const fleet::Plugin& plugin) {
  store::PluginReport report;
  report.path = plugin.path;
  report.name = plugin.spec.name;
  report.version = plugin.spec.version;
  report.state = fleet::name(plugin.state);
  report.reason = reason(plugin);
  report.hosts = plugin.ready_hosts;
  report.hosts_wanted = plugin.settings.processes;
  report.slots = plugin.slots();
  report.restarts = plugin.restarts;
  report.types = plugin.types;
  if (plugin.spec.abi_major > 0)
    report.abi = std::to_string(plugin.spec.abi_major) + "." + std::to_string(plugin.spec.abi_minor);
  report.digest = plugin.digest;
  report.limits = fleet::limit_words(plugin.settings, plugin.limits_enforced ? "control group" : "watched");
  if (plugin.canary) report.canary = plugin.canary->version;
  return report;
}

bool says_the_same(const store::RunningJob& a, const store::RunningJob& b) {
  return a.attempt == b.attempt && a.host_pid == b.host_pid && a.fraction == b.fraction && a.note == b.note;
}

}  // namespace

void Presence::set_plugins(const std::vector<fleet::Plugin>& plugins,
                           const std::function<std::vector<fleet::HostFigures>(std::size_t)>& hosts) {
  const auto now = Clock::now();
  const bool measures = hosts && (now >= next_figures_ || figures_.size() != plugins.size());
  if (measures) {
    next_figures_ = now + figures_interval;
    figures_.resize(plugins.size());
  }
  std::vector<store::PluginReport> reports;
  reports.reserve(plugins.size());
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    reports.push_back(report(plugins[i]));
    if (measures) figures_[i] = figures_of(hosts(i));
    if (i < figures_.size()) reports.back().host_figures = figures_[i];
  }
  const base::Lock lock(mutex_);
  plugins_ = std::move(reports);
}

void Presence::set_settings(std::string settings) {
  const base::Lock lock(mutex_);
  settings_ = std::move(settings);
}

void Presence::set_running(const std::vector<fleet::RunningJob>& running) {
  const auto now = Clock::now();
  std::vector<store::RunningJob> jobs;
  jobs.reserve(running.size());
  for (const fleet::RunningJob& job : running) {
    const std::chrono::duration<double> age = now - job.started;
    jobs.push_back(
        {job.id, job.type, job.attempt, job.plugin, job.host, age.count(), job.fraction, job.note});
  }
  const base::Lock lock(mutex_);
  running_ = std::move(jobs);
}

void Presence::add_ended(const std::vector<job::Finished>& jobs) {
  if (!keep_traces_) return;
  const auto now = Clock::now();
  const base::Lock lock(mutex_);
  for (const job::Finished& one : jobs) {
    if (one.outcome.result != job::Result::done) continue;
    if (ended_.size() == most_traces) {
      ++untraced_;
    } else {
      ended_.push_back({one.job.id, one.job.attempt, one.host, now, one.outcome.duration});
    }
  }
}

void Presence::write(store::CareSession& session, store::RuntimeId runtime, Clock::time_point now) {
  write_plugins(session, runtime);
  write_settings(session, runtime);
  if (now >= next_running_) {
    write_running(session, runtime);
    write_traces(session, runtime);
    next_running_ = now + running_interval;
  }
  if (now >= next_count_) {
    write_outcomes(session);
    next_count_ = now + count_interval;
  }
}

void Presence::start_anew() {
  shown_plugins_.clear();
  shown_settings_.clear();
  shown_running_.clear();
}

void Presence::write_plugins(store::CareSession& session, store::RuntimeId runtime) {
  base::Lock lock(mutex_);
  if (plugins_ == shown_plugins_) return;
  std::vector<store::PluginReport> plugins = plugins_;
  lock.unlock();
  session.publish(runtime, plugins);
  shown_plugins_ = std::move(plugins);
}

void Presence::write_settings(store::CareSession& session, store::RuntimeId runtime) {
  base::Lock lock(mutex_);
  if (settings_ == shown_settings_) return;
  std::string settings = settings_;
  lock.unlock();
  session.publish_settings(runtime, settings);
  shown_settings_ = std::move(settings);
}

store::RunningChanges Presence::changes(const std::vector<store::RunningJob>& now) const {
  store::RunningChanges changes;
  std::set<std::string> ids;
  for (const store::RunningJob& job : now) {
    if (!ids.insert(job.id).second) continue;
    const auto shown = shown_running_.find(job.id);
    if (shown == shown_running_.end() || !says_the_same(shown->second, job)) changes.changed.push_back(job);
  }
  for (const auto& [id, job] : shown_running_) {
    if (!ids.contains(id)) changes.over.push_back(id);
  }
  return changes;
}

void Presence::write_running(store::CareSession& session, store::RuntimeId runtime) {
  base::Lock lock(mutex_);
  const store::RunningChanges changes = this->changes(running_);
  lock.unlock();
  if (changes.changed.empty() && changes.over.empty()) return;
  session.show_running(runtime, changes);
  for (const std::string& id : changes.over) shown_running_.erase(id);
  for (const store::RunningJob& job : changes.changed) shown_running_[job.id] = job;
}

void Presence::write_outcomes(store::CareSession& session) {
  if (counts_.empty()) counts_ = tally_.take_counts();
  if (counts_.empty()) return;
  session.count(counts_);
  counts_.clear();
}

void Presence::write_traces(store::CareSession& session, store::RuntimeId runtime) {
  for (;;) {
    if (tracing_.empty()) take_ended();
    if (tracing_.empty()) return;
    const auto end = tracing_.begin() + static_cast<std::ptrdiff_t>(std::min(tracing_.size(), trace_batch));
    const auto now = Clock::now();
    std::vector<store::Trace> traces;
    for (auto one = tracing_.begin(); one != end; ++one) {
      const std::chrono::duration<double> age = now - one->at;
      const std::chrono::duration<double> took = one->took;
      traces.push_back({one->id, one->attempt, one->host, age.count(), took.count()});
    }
    session.trace(runtime, traces, *keep_traces_);
    tracing_.erase(tracing_.begin(), end);
  }
}

void Presence::take_ended() {
  const base::Lock lock(mutex_);
  tracing_ = std::exchange(ended_, {});
  if (untraced_ > 0) {
    log::warn(
        "it is not recorded which runtime ran these jobs, because the database was unavailable for too long",
        {{"jobs", untraced_}});
  }
  untraced_ = 0;
}

}  // namespace sluice::engine
