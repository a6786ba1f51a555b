#include "store/memory_sessions.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/threads.hpp"

namespace sluice::store {

namespace {

constexpr double stuck_after = 600;  // seconds

}  // namespace

MemoryClaims::MemoryClaims(MemoryStore& store, RuntimeId runtime, int pump, bool listens)
    : store_(store), runtime_(runtime), pump_(pump), listens_(listens) {
  const base::Lock lock(store_.mutex_);
  heard_ = store_.insertions_;
}

Claimed MemoryClaims::claim(const std::vector<LaneRequest>& lanes, bool /*durable*/) {
  if (lanes.size() > max_lanes) throw std::invalid_argument("a claim has at most 8 lanes");
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  if (!store_.runtimes_.contains(runtime_))
    throw Fenced("runtime " + std::to_string(runtime_) + " is not enlisted");
  const std::int64_t claim = ++store_.last_number_;
  Claimed claimed;
  claimed.asked_at = store_.now();
  MemoryStore::Claim made{runtime_, pump_, {}, false};
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    for (auto& job : store_.claim(lanes[lane], lane, claim)) {
      made.ids.insert(job.job.id);
      claimed.jobs.push_back(std::move(job));
    }
  }
  if (claimed.jobs.empty()) return claimed;
  claimed.claim = claim;
  store_.claims_.emplace(claim, std::move(made));
  return claimed;
}

void MemoryClaims::reconcile(const std::vector<std::int64_t>& known) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::set<std::int64_t> unknown;
  for (const auto& [id, claim] : store_.claims_) {
    const bool is_known = std::find(known.begin(), known.end(), id) != known.end();
    if (claim.runtime == runtime_ && claim.pump == pump_ && !is_known) unknown.insert(id);
  }
  for (const auto& id : store_.take_claims(unknown)) store_.give_back(id);
}

bool MemoryClaims::want(bool wanted) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  if (!wanted) {
    store_.wakeful_.erase(runtime_);
  } else if (store_.runtimes_.contains(runtime_)) {
    store_.wakeful_.insert(runtime_);
  }
  return listens_;
}

std::int64_t MemoryClaims::wait(base::Clock::time_point end) {
  const base::Lock lock(store_.mutex_);
  if (!listens_) heard_ = store_.insertions_;
  while (!interrupted_ && heard_ == store_.insertions_ && store_.inserted_.wait_until(store_.mutex_, end)) {
    if (!listens_) heard_ = store_.insertions_;
  }
  interrupted_ = false;
  return store_.insertions_ - std::exchange(heard_, store_.insertions_);
}

void MemoryClaims::interrupt() {
  const base::Lock lock(store_.mutex_);
  interrupted_ = true;
  store_.inserted_.notify_all();
}

std::vector<Unwritten> MemoryFinishes::finish(const std::vector<job::Settlement>& settlements,
                                              const std::vector<std::int64_t>& closing) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::vector<Unwritten> unwritten;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (!store_.settle(settlements[i])) unwritten.push_back({i, Unwritten::Why::not_ours, "", "", false});
  }
  for (const auto claim : closing) store_.claims_.erase(claim);
  return unwritten;
}

std::vector<Unwritten> MemoryEffects::commit(const std::vector<job::Settlement>& settlements) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::vector<Unwritten> unwritten;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    const job::Outcome& outcome = settlements[i].outcome;
    const auto fails = [](const job::Effect& effect) { return effect.sql == MemoryStore::failing_effect; };
    if (std::any_of(outcome.effects.begin(), outcome.effects.end(), fails)) {
      unwritten.push_back({i, Unwritten::Why::refused, "effect-XX000", "an effect that fails", false});
    } else if (!store_.settle(settlements[i])) {
      unwritten.push_back({i, Unwritten::Why::not_ours, "", "", false});
    } else {
      for (const auto& effect : outcome.effects) store_.effects_.push_back(effect.sql);
      for (const auto& job : outcome.follow_ups) {
        store_.enqueue({job.type, job.payload, job.delay,
                        job.unique_key.empty() ? std::nullopt : std::optional(job.unique_key)});
      }
    }
  }
  return unwritten;
}

std::vector<std::string> MemoryFinishes::mark(const std::vector<job::Ref>& jobs,
                                              const std::vector<std::int64_t>& filled) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  for (const std::int64_t claim : filled) {
    if (const auto found = store_.claims_.find(claim); found != store_.claims_.end())
      found->second.marked = true;
  }
  std::vector<std::string> places;
  for (const job::Ref& one : jobs) {
    auto* row = store_.ours(one);
    const bool waits = row != nullptr && row->status == "pending";
    if (waits) store_.take(*row, "processing");
    places.push_back(waits ? one.id : "");
  }
  return places;
}

std::vector<std::int64_t> MemoryFinishes::living(const std::vector<std::int64_t>& claims) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::vector<std::int64_t> living;
  for (const auto claim : claims) {
    if (store_.claims_.contains(claim)) living.push_back(claim);
  }
  return living;
}

RuntimeId MemoryCare::enlist(const RuntimeInfo& info) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const RuntimeId id = ++store_.last_number_;
  store_.runtimes_[id] = {info, {}, store_.now(), store_.now(), {}, {}};
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

std::optional<double> MemoryHeart::beat(RuntimeId runtime) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto found = store_.runtimes_.find(runtime);
  if (found == store_.runtimes_.end()) return std::nullopt;
  found->second.beat_at = store_.now();
  return store_.now();
}

std::set<std::string> MemoryCare::take_claims_of(RuntimeId runtime) {
  std::set<std::int64_t> claims;
  for (const auto& [id, claim] : store_.claims_) {
    if (claim.runtime == runtime) claims.insert(id);
  }
  return store_.take_claims(claims);
}

void MemoryCare::leave(RuntimeId runtime, const Unfinished& unfinished) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  for (const auto& id : take_claims_of(runtime)) {
    if (std::find(unfinished.ids.begin(), unfinished.ids.end(), id) != unfinished.ids.end()) {
      Rescued ignored;
      rescue_job(id, store_.runtimes_.at(runtime), unfinished.fallback, ignored);
      continue;
    }
    store_.give_back(id);
    store_.schedule_.erase(id);
  }
  store_.runtimes_.erase(runtime);
  store_.wakeful_.erase(runtime);
}

Promoted MemoryCare::promote_due(std::size_t limit) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::vector<std::pair<double, std::string>> due;
  for (const auto& [id, schedule] : store_.schedule_) {
    if (schedule.due <= store_.now()) due.emplace_back(schedule.due, id);
  }
  std::sort(due.begin(), due.end());
  due.resize(std::min(due.size(), limit));
  for (const auto& [at, id] : due) {
    const auto schedule = store_.schedule_.extract(id).mapped();
    const auto found = store_.rows_.find(id);
    if (found == store_.rows_.end() || found->second.status != schedule.status) continue;
    found->second.status = "pending";
    found->second.updated_at = store_.now();
  }
  Promoted promoted{due.size(), 0, {}};
  for (const auto& [id, schedule] : store_.schedule_) {
    promoted.next = std::min(promoted.next.value_or(HUGE_VAL), schedule.due - store_.now());
  }
  return promoted;
}

void MemoryCare::rescue_job(const std::string& id, const MemoryStore::Runtime& lost,
                            const job::RetryPolicy& fallback, Rescued& rescued) {
  auto* row = &store_.rows_.at(id);
  row->attempts = MemoryStore::this_attempt(*row);
  const auto type = store_.types_.find(row->type);
  const auto& policy = type == store_.types_.end() ? fallback : type->second.policy;
  const bool last = row->attempts >= policy.max_attempts || policy.at_most_once;
  row->status = last ? "error" : "pending";
  row->updated_at = store_.now();
  store_.schedule_.erase(id);
  store_.failures_.push_back({id, row->type, row->attempts, "crashed", "runtime-lost",
                              "runtime lost: " + lost.info.host + " (process " +
                                  std::to_string(lost.info.pid) +
                                  ") stopped beating; how far the job got is not known"});
  ++(last ? rescued.error : rescued.pending);
}

Rescued MemoryCare::rescue(const Judge& judge, const job::RetryPolicy& fallback) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  Rescued rescued;
  std::map<RuntimeId, MemoryStore::Runtime> dead;
  const auto self = store_.runtimes_.find(judge.runtime);
  const bool may_judge =
      judge.runtime == 0 || (self != store_.runtimes_.end() && store_.is_alive(self->second));
  for (const auto& [id, runtime] : store_.runtimes_) {
    if (id == judge.runtime || store_.is_alive(runtime)) continue;
    if (may_judge && judge.since + MemoryStore::lease_of(runtime) < store_.now()) {
      dead.emplace(id, runtime);
    } else {
      ++rescued.suspected;
    }
  }
  for (const auto& [id, runtime] : dead) {
    for (const auto& job : take_claims_of(id)) rescue_job(job, runtime, fallback, rescued);
    store_.runtimes_.erase(id);
    store_.wakeful_.erase(id);
  }
  rescued.runtimes = dead.size();
  return rescued;
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

void MemoryCare::count(const std::vector<Throughput>& outcomes) {
  constexpr std::int64_t kept = 2 * 24 * 60;  // minutes
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto minute = static_cast<std::int64_t>(store_.now() / 60);
  std::erase_if(store_.throughput_, [&](const auto& old) { return old.first.number < minute - kept; });
  for (const auto& one : outcomes) {
    Throughput& sum = store_.throughput_[{minute, one.type}];
    sum.done += one.done;
    sum.retrying += one.retrying;
    sum.failed += one.failed;
    sum.snoozed += one.snoozed;
    sum.busy += one.busy;
  }
}

void MemoryCare::trace(RuntimeId runtime, const std::vector<Trace>& traces, job::Microseconds /*keep*/) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  if (store_.runtimes_.count(runtime) == 0) return;
  store_.traces_.insert(store_.traces_.end(), traces.begin(), traces.end());
}

Tidied MemoryCare::tidy(std::size_t) {
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
    RuntimeReport entry{id, runtime.info,   store_.now() - runtime.started_at, store_.now() - runtime.beat_at,
                        0,  runtime.plugins};
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
