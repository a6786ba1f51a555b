#include "store/memory_sessions.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/threads.hpp"

namespace sluice::store {

namespace {

constexpr double stuck_after = 600;  // seconds

}  // namespace

RuntimeId MemoryCare::enlist(const RuntimeInfo& info) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const RuntimeId id = ++store_.last_number_;
  store_.runtimes_[id] = {info, {}, store_.now(), store_.now(), false, {}, {}};
  return id;
}

void MemoryCare::serve(RuntimeId runtime, const std::vector<ServedType>& types) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  for (const auto& served : types) store_.types_[served.type] = served;
  const auto found = store_.runtimes_.find(runtime);
  if (found == store_.runtimes_.end()) return;
  found->second.types.clear();
  for (const auto& served : types) found->second.types.insert(served.type);
}

void MemoryCare::publish(RuntimeId runtime, const std::vector<PluginReport>& plugins) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto found = store_.runtimes_.find(runtime);
  if (found == store_.runtimes_.end()) return;
  auto& shown = found->second.plugins;
  shown.resize(plugins.size());
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    const PluginReport& was = shown[i].plugin;
    const bool same =
        was.path == plugins[i].path && was.version == plugins[i].version && was.state == plugins[i].state;
    shown[i] = {plugins[i], same ? shown[i].age : store_.now()};
  }
}

void MemoryCare::show_running(RuntimeId runtime, const RunningChanges& changes) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto found = store_.runtimes_.find(runtime);
  if (found == store_.runtimes_.end()) return;
  auto& running = found->second.running;
  for (const auto& id : changes.over) running.erase(id);
  for (const auto& job : changes.changed) running[job.id] = {job, store_.now() - job.age};
}

void MemoryCare::count(const std::vector<OutcomeCount>& outcomes) {
  constexpr std::int64_t kept = 2 * 24 * 60;  // minutes
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto minute = static_cast<std::int64_t>(store_.now() / 60);
  std::erase_if(store_.throughput_, [&](const auto& old) { return old.first.number < minute - kept; });
  for (const auto& one : outcomes) {
    Throughput& sum = store_.throughput_[{minute, one.type}];
    const auto count = static_cast<double>(one.count);
    if (one.outcome == "done") sum.done += count;
    if (one.outcome == "retrying") sum.retrying += count;
    if (one.outcome == "failed") sum.failed += count;
    if (one.outcome == "snoozed") sum.snoozed += count;
    sum.busy += one.busy;
  }
}

void MemoryCare::trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds /*keep*/) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  if (store_.runtimes_.count(runtime) == 0) return;
  store_.traces_.insert(store_.traces_.end(), traces.begin(), traces.end());
}

std::vector<std::string> MemoryCare::paused_types() {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  return {store_.paused_.begin(), store_.paused_.end()};
}

Tidied MemoryCare::tidy(std::size_t, job::Microseconds) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto gone = [&](const std::string& id) REQUIRES(store_.mutex_) { return !store_.rows_.contains(id); };
  const std::size_t deleted =
      std::erase_if(store_.keys_, [&](const auto& key) REQUIRES(store_.mutex_) { return gone(key.second); }) +
      std::erase_if(store_.schedule_,
                    [&](const auto& schedule) REQUIRES(store_.mutex_) { return gone(schedule.first); }) +
      std::erase_if(store_.outputs_,
                    [&](const auto& output) REQUIRES(store_.mutex_) { return gone(output.first); }) +
      std::erase_if(store_.failures_,
                    [&](const auto& failure) REQUIRES(store_.mutex_) { return gone(failure.id); });
  return {deleted, true};
}

Pruned MemoryPrunes::prune(std::size_t limit) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const double before = store_.now() - std::chrono::duration<double>(older_than_).count();
  std::vector<std::pair<double, std::string>> old;
  for (const auto& [id, row] : store_.rows_) {
    const bool over = row.status == status_ && !store_.schedule_.contains(id);
    if (over && row.created_at < before) old.emplace_back(row.created_at, id);
  }
  std::sort(old.begin(), old.end());
  const bool last = old.size() < limit;
  old.resize(std::min(limit, old.size()));
  for (const auto& [created_at, id] : old) {
    store_.rows_.erase(id);
    store_.outputs_.erase(id);
    std::erase_if(store_.failures_, [&id = id](const Failure& failure) { return failure.id == id; });
  }
  return {old.size(), last};
}

Enqueued MemoryDesk::enqueue(const EnqueueRequest& request) {
  if (request.type.empty() || request.type.size() > 128) throw Refused("a job type has 1 to 128 characters");
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  return store_.enqueue(request);
}

void MemoryDesk::report_jobs(Report& report) const {
  std::map<std::pair<std::string, std::string>, std::int64_t> counts;
  std::map<std::string, TypeReport> waiting;
  for (const auto& [id, row] : store_.rows_) {
    const std::string status = store_.shown_status(row);
    ++counts[{row.type, status}];
    if (row.status == "processing" && row.updated_at < store_.now() - stuck_after && !store_.named(id)) {
      ++report.stuck;
    }
    if (status != "pending") continue;
    auto& type = waiting[row.type];
    const double age = store_.now() - row.created_at;
    type.oldest_pending_age = type.pending++ == 0 ? age : std::max(type.oldest_pending_age, age);
  }
  for (const auto& [key, count] : counts) report.counts.push_back({key.first, key.second, count});
  for (auto& entry : waiting) {
    const std::string& name = entry.first;
    TypeReport& type = entry.second;
    type.type = name;
    const auto served = store_.types_.find(name);
    if (served != store_.types_.end()) {
      type.plugin = served->second.plugin;
      type.plugin_version = served->second.plugin_version;
    }
    const auto serves = [&](const auto& runtime) REQUIRES(store_.mutex_) {
      return runtime.second.types.contains(name) && store_.is_alive(runtime.second);
    };
    type.served = std::any_of(store_.runtimes_.begin(), store_.runtimes_.end(), serves);
    report.waiting.push_back(type);
  }
}

void MemoryDesk::report_runtimes(Report& report) const {
  for (const auto& [id, runtime] : store_.runtimes_) {
    if (runtime.lost) continue;
    RuntimeReport entry;
    entry.id = id;
    entry.info = runtime.info;
    entry.uptime = store_.now() - runtime.started_at;
    entry.since_beat = store_.now() - runtime.beat_at;
    entry.live = store_.is_alive(runtime);
    entry.plugins = runtime.plugins;
    for (auto& plugin : entry.plugins) plugin.age = store_.now() - plugin.age;
    for (const auto& [job, running] : runtime.running) {
      const auto row = store_.rows_.find(job);
      if (row == store_.rows_.end() || row->second.status != "processing") continue;
      report.running.push_back({running.job, id});
      report.running.back().job.age = store_.now() - running.started_at;
    }
    for (const auto& [claim_id, claim] : store_.claims_) {
      if (claim.runtime == id) entry.claimed += static_cast<std::int64_t>(claim.ids.size());
    }
    report.runtimes.push_back(entry);
  }
}

Report MemoryDesk::report(bool) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  Report report;
  report_jobs(report);
  report_runtimes(report);
  report.last_minute = store_.throughput(60);
  report.last_hour = store_.throughput(3600);
  for (const auto& [id, schedule] : store_.schedule_) {
    const double due = std::max(schedule.due - store_.now(), 0.0);
    report.next_due = report.next_due < 0 ? due : std::min(report.next_due, due);
  }
  return report;
}

std::vector<QueueDepth> MemoryDesk::depths(std::size_t most) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::map<std::string, std::vector<std::pair<double, std::string>>> by_status;
  for (const char* status : {"pending", "scheduled", "processing", "error"}) by_status[status];
  for (const auto& [id, row] : store_.rows_) {
    const auto counted = by_status.find(store_.shown_status(row));
    if (counted != by_status.end()) counted->second.emplace_back(row.created_at, row.type);
  }
  std::map<std::pair<std::string, std::string>, QueueDepth> depths;
  for (auto& [status, rows] : by_status) {
    std::sort(rows.begin(), rows.end());
    rows.resize(std::min(rows.size(), most));
    for (const auto& [created_at, type] : rows) {
      QueueDepth& depth = depths.try_emplace({type, status}, QueueDepth{type, status}).first->second;
      if (depth.jobs++ == 0) depth.oldest_age = store_.now() - created_at;
    }
  }
  std::vector<QueueDepth> list;
  list.reserve(depths.size());
  for (const auto& [key, depth] : depths) list.push_back(depth);
  return list;
}

Aggregate MemoryDesk::aggregate(std::chrono::seconds since) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  Aggregate aggregate;
  const auto window = static_cast<double>(since.count());
  for (const auto& [id, row] : store_.rows_) {
    if (row.created_at >= store_.now() - window) ++aggregate.created;
  }
  aggregate.outcomes = store_.throughput(window);
  return aggregate;
}

std::vector<Failure> MemoryDesk::recent_failures(std::size_t limit) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::vector<Failure> failures(store_.failures_.rbegin(), store_.failures_.rend());
  failures.resize(std::min(failures.size(), limit));
  return failures;
}

}  // namespace sluice::store
