// The heart and the care that moves jobs: beats, due jobs, requests to cancel, rescues, and leaving.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/planted.hpp"
#include "store/memory_sessions.hpp"
#include "store/memory_transaction.hpp"

namespace sluice::store {

namespace {

constexpr std::chrono::milliseconds patience{300};
constexpr std::chrono::seconds patience_at_the_end{60};

}  // namespace

/// A row that is older than what was seen of it comes from a backup, or is another runtime's.
std::optional<double> MemoryHeart::beat(RuntimeId runtime) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  const auto found = store_.runtimes_.find(runtime);
  if (found == store_.runtimes_.end() || found->second.lost) return std::nullopt;
  MemoryStore::Runtime& row = found->second;
  const bool known = std::exchange(runtime_, runtime) == runtime;
  if (known && (row.started_at != started_at_ || row.beat_at < beat_at_)) return std::nullopt;
  row.beat_at = store_.now();
  started_at_ = row.started_at;
  beat_at_ = row.beat_at;
  if (store_.watcher_ != nullptr) store_.watcher_->on_beat(runtime);
  return row.beat_at;
}

std::vector<MemoryCare::Due> MemoryCare::due(std::size_t limit) const {
  std::vector<Due> due;
  for (const auto& [id, schedule] : store_.schedule_) {
    if (schedule.due <= store_.now()) due.push_back({id, schedule});
  }
  std::stable_sort(due.begin(), due.end(),
                   [](const Due& a, const Due& b) { return a.schedule.due < b.schedule.due; });
  due.resize(std::min(due.size(), limit));
  return due;
}

Promoted MemoryCare::promote_due(std::size_t limit) {
  MemoryTransaction transaction(store_);
  std::vector<Due> due;
  {
    const base::Lock lock(store_.mutex_);
    store_.check_available();
    due = this->due(limit);
    std::erase_if(due, [&](const Due& one) REQUIRES(store_.mutex_) {
      return !transaction.try_lock("schedule of " + one.id);
    });
  }
  Promoted promoted;
  if (!due.empty()) transaction.pause(MemoryStore::Step::looked);
  std::vector<bool> locked;
  {
    const base::Lock lock(store_.mutex_);
    for (const Due& one : due) locked.push_back(transaction.try_lock(one.id));
  }
  if (!due.empty()) transaction.pause(MemoryStore::Step::written);
  const base::Lock lock(store_.mutex_);
  for (std::size_t i = 0; i < due.size(); ++i) promote(due[i], locked[i], promoted);
  for (const auto& [id, schedule] : store_.schedule_) {
    const double in = schedule.due - store_.now();
    if (in > 0) promoted.next = std::min(promoted.next.value_or(HUGE_VAL), in);
  }
  return promoted;
}

/// A schedule that was written anew meanwhile is another one.
void MemoryCare::promote(const Due& one, bool locked, Promoted& promoted) {
  const auto schedule = store_.schedule_.find(one.id);
  if (schedule == store_.schedule_.end() || schedule->second.due != one.schedule.due) return;
  if (!locked) {
    base::mark("promote: a due row is locked");
    schedule->second.due = store_.now() + 1;
    ++promoted.held;
    promoted.held_job = one.id;
    return;
  }
  store_.schedule_.erase(schedule);
  ++promoted.used;
  const auto row = store_.rows_.find(one.id);
  if (row == store_.rows_.end() || row->second.status != one.schedule.status) return;
  row->second.status = "pending";
  store_.touch(row->second);
}

/// Those that may be declared dead now, and whose rows nobody needs.
std::vector<RuntimeId> MemoryCare::dead(const Judge& judge, Rescued& rescued) const {
  const auto self = store_.runtimes_.find(judge.runtime);
  const bool herself = base::planted(base::Bug::self_rescue);
  const bool may_judge = judge.runtime == 0 || herself ||
                         (self != store_.runtimes_.end() && store_.is_steady(self->second, judge.last_beat));
  std::vector<RuntimeId> dead;
  for (const auto& [id, runtime] : store_.runtimes_) {
    const bool spared = id == judge.runtime && !herself;
    if (spared || runtime.lost || store_.is_alive(runtime)) continue;
    if (may_judge && judge.since + MemoryStore::lease_of(runtime) < store_.now()) {
      if (store_.shared_runtimes_.contains(id)) continue;
      dead.push_back(id);
      if (store_.watcher_ != nullptr) store_.watcher_->on_declared_dead(judge.runtime, id);
    } else {
      ++rescued.suspected;
    }
  }
  return dead;
}

Rescued MemoryCare::rescue(const Judge& judge, const job::RetryPolicy& fallback) {
  Rescued rescued;
  std::vector<RuntimeId> dead;
  {
    const base::Lock lock(store_.mutex_);
    store_.check_available();
    dead = this->dead(judge, rescued);
  }
  for (const RuntimeId runtime : dead) {
    MemoryTransaction transaction(store_);
    transaction.pause(MemoryStore::Step::looked);
    const auto until = base::Clock::now() + patience;
    for (bool over = false; !over;) {
      if (base::Clock::now() >= until) throw HeldUp("a claim is locked");
      {
        const base::Lock lock(store_.mutex_);
        over = try_bury(transaction, runtime);
        if (over) ++rescued.runtimes;
      }
      if (!over) transaction.pause(MemoryStore::Step::waits);
    }
  }
  std::vector<std::int64_t> claims;
  {
    const base::Lock lock(store_.mutex_);
    claims = buried();
  }
  for (const std::int64_t claim : claims) {
    MemoryTransaction transaction(store_);
    transaction.pause(MemoryStore::Step::looked);
    const base::Lock lock(store_.mutex_);
    settle_buried(transaction, claim, fallback, rescued);
  }
  return rescued;
}

/// False while somebody needs one of its claims.
bool MemoryCare::try_bury(MemoryTransaction& transaction, RuntimeId runtime) {
  if (!store_.runtimes_.contains(runtime)) return true;
  if (store_.shared_runtimes_.contains(runtime)) return false;
  for (const auto& [id, claim] : store_.claims_) {
    if (claim.runtime == runtime && store_.shared_claims_.contains(id)) return false;
  }
  if (!transaction.try_lock("runtime " + std::to_string(runtime))) return false;
  bury(runtime);
  return true;
}

/// Its claims get new numbers. Jobs that others' claims name are left out.
void MemoryCare::bury(RuntimeId runtime) {
  auto row = store_.runtimes_.extract(runtime);
  store_.wakeful_.erase(runtime);
  std::vector<MemoryStore::Claim> claims;
  std::erase_if(store_.claims_, [&](const auto& one) {
    const bool its = one.second.runtime == runtime;
    if (its) claims.push_back(one.second);
    return its;
  });
  if (claims.empty()) return;
  base::mark("rescue: buried a runtime with claims");
  row.key() = ++store_.last_number_;
  row.mapped().lost = true;
  for (MemoryStore::Claim& claim : claims) {
    claim.runtime = row.key();
    std::erase_if(claim.ids, [&](const std::string& id) REQUIRES(store_.mutex_) { return store_.named(id); });
    store_.claims_.emplace(++store_.last_number_, std::move(claim));
  }
  store_.runtimes_.insert(std::move(row));
}

std::vector<std::int64_t> MemoryCare::buried() const {
  std::vector<std::int64_t> claims;
  for (const auto& [id, claim] : store_.claims_) {
    if (store_.runtimes_.at(claim.runtime).lost) claims.push_back(id);
  }
  return claims;
}

/// Jobs whose rows are locked stay, in a claim with a new number.
void MemoryCare::settle_buried(MemoryTransaction& transaction, std::int64_t claim,
                               const job::RetryPolicy& fallback, Rescued& rescued) {
  if (!transaction.try_lock("claim " + std::to_string(claim))) return;
  auto node = store_.claims_.extract(claim);
  if (node.empty()) return;
  MemoryStore::Claim& its = node.mapped();
  const RuntimeId runtime = its.runtime;
  std::set<std::string> held;
  for (const std::string& id : its.ids) {
    const auto row = store_.rows_.find(id);
    if (row == store_.rows_.end() || !MemoryStore::is_open(row->second)) continue;
    if (!transaction.try_lock(id)) {
      base::mark("rescue: a row is locked");
      if (!base::planted(base::Bug::rescue_forgets_locked)) held.insert(id);
      continue;
    }
    if (store_.named(id)) continue;
    const MemoryStore::Runtime& lost = store_.runtimes_.at(runtime);
    const bool outcome = MemoryStore::lease_of(lost) == 0;
    rescue_job(row->second, lost, outcome ? "outcome-lost" : "runtime-lost", fallback, rescued);
  }
  its.ids = std::move(held);
  if (!its.ids.empty()) store_.claims_.emplace(++store_.last_number_, std::move(its));
  const auto names = [&](const auto& one) { return one.second.runtime == runtime; };
  if (std::none_of(store_.claims_.begin(), store_.claims_.end(), names)) store_.runtimes_.erase(runtime);
}

void MemoryCare::rescue_job(MemoryStore::Row& row, const MemoryStore::Runtime& lost, const std::string& code,
                            const job::RetryPolicy& fallback, Rescued& rescued) {
  row.attempts = MemoryStore::this_attempt(row);
  const auto type = store_.types_.find(row.type);
  const auto& policy = type == store_.types_.end() ? fallback : type->second.policy;
  const bool last = row.attempts >= policy.max_attempts || policy.at_most_once;
  row.status = last ? "error" : "pending";
  store_.touch(row);
  store_.schedule_.erase(row.id);
  store_.failures_.push_back({row.id, row.type, row.attempts, "crashed", code,
                              "runtime lost: " + lost.info.host + " (process " +
                                  std::to_string(lost.info.pid) +
                                  ") stopped beating; how far the job got is not known"});
  ++(last ? rescued.error : rescued.pending);
  if (store_.watcher_ != nullptr) store_.watcher_->on_rescued(row);
}

/// Those that are being made. From then on nobody makes one, until the transaction ends.
void MemoryCare::await_claims(MemoryTransaction& transaction, RuntimeId runtime) {
  const auto until = base::Clock::now() + patience_at_the_end;
  for (;;) {
    {
      const base::Lock lock(store_.mutex_);
      store_.check_available();
      if (!store_.shared_runtimes_.contains(runtime) &&
          transaction.try_lock("runtime " + std::to_string(runtime)))
        return;
    }
    if (base::Clock::now() >= until) throw HeldUp("a claim is being made");
    transaction.pause(MemoryStore::Step::waits);
  }
}

void MemoryCare::leave(RuntimeId runtime, const Unfinished& unfinished) {
  MemoryTransaction transaction(store_);
  std::set<std::string> ids;
  await_claims(transaction, runtime);
  {
    const base::Lock lock(store_.mutex_);
    for (const auto& [id, claim] : store_.claims_) {
      if (claim.runtime == runtime) ids.insert(claim.ids.begin(), claim.ids.end());
    }
  }
  for (const std::string& id : ids) {
    if (!transaction.lock(id, patience_at_the_end)) throw HeldUp("a row is locked");
  }
  transaction.pause(MemoryStore::Step::written);
  const base::Lock lock(store_.mutex_);
  std::set<std::int64_t> claims;
  for (const auto& [id, claim] : store_.claims_) {
    if (claim.runtime == runtime) claims.insert(id);
  }
  for (const auto& id : store_.take_claims(claims)) {
    const bool ran = std::find(unfinished.ids.begin(), unfinished.ids.end(), id) != unfinished.ids.end();
    Rescued ignored;
    if (ran) {
      base::mark("leave: a job's outcome was lost");
      rescue_job(store_.rows_.at(id), store_.runtimes_.at(runtime), "outcome-lost", unfinished.fallback,
                 ignored);
    } else {
      store_.give_back(id);
      store_.schedule_.erase(id);
    }
  }
  store_.runtimes_.erase(runtime);
  store_.wakeful_.erase(runtime);
}

/// As the statements `lock_requested`, `end_requested` and `requested`.
std::vector<std::string> MemoryCare::cancel_requests(RuntimeId runtime) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  std::vector<std::string> ids;
  for (auto request = store_.cancel_requests_.begin(); request != store_.cancel_requests_.end();) {
    const std::string id = *request;
    const auto its = [&](const auto& one) {
      return one.second.runtime == runtime && one.second.ids.contains(id);
    };
    if (store_.end_request(id)) {
      request = store_.cancel_requests_.erase(request);
      continue;
    }
    if (std::any_of(store_.claims_.begin(), store_.claims_.end(), its)) ids.push_back(id);
    ++request;
  }
  return ids;
}

}  // namespace sluice::store
