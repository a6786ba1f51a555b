#include <algorithm>
#include <utility>

#include "base/planted.hpp"
#include "store/memory_sessions.hpp"
#include "store/memory_transaction.hpp"

namespace sluice::store {

namespace {

constexpr std::chrono::seconds patience{5};

}  // namespace

MemoryClaims::MemoryClaims(MemoryStore& store, RuntimeId runtime, int pump, bool listens)
    : store_(store), runtime_(runtime), pump_(pump), listens_(listens) {
  const base::Lock lock(store_.mutex_);
  heard_ = store_.insertions_;
}

/// As statement `claim`: it looks, locks what it saw, and then looks again at what others have claimed.
Claimed MemoryClaims::claim(const std::vector<LaneRequest>& lanes, bool /*durable*/) {
  if (lanes.size() > max_lanes) throw std::invalid_argument("a claim has at most 8 lanes");
  MemoryTransaction transaction(store_);
  Claimed claimed;
  std::vector<std::vector<std::string>> seen;
  {
    const base::Lock lock(store_.mutex_);
    store_.check_available();
    check_enlisted();
    claimed.asked_at = store_.now();
    for (const LaneRequest& lane : lanes) seen.push_back(store_.pick(lane));
  }
  transaction.pause(MemoryStore::Step::looked);
  {
    const base::Lock lock(store_.mutex_);
    for (std::size_t lane = 0; lane < lanes.size(); ++lane)
      lock_rows(transaction, lanes[lane], lane, seen[lane], claimed);
  }
  if (claimed.jobs.empty()) return claimed;
  transaction.pause(MemoryStore::Step::locked);
  {
    const base::Lock lock(store_.mutex_);
    look_again(claimed);
    check_enlisted();
    transaction.share_runtime(runtime_);
  }
  transaction.pause(MemoryStore::Step::written);
  const base::Lock lock(store_.mutex_);
  record(claimed);
  return claimed;
}

void MemoryClaims::check_enlisted() const {
  const auto found = store_.runtimes_.find(runtime_);
  const bool leaves = store_.locks_.contains("runtime " + std::to_string(runtime_));
  if (found == store_.runtimes_.end() || found->second.lost || leaves)
    throw Fenced("runtime " + std::to_string(runtime_) + " is not enlisted");
}

/// Skips those that others have locked, or that have changed since.
void MemoryClaims::lock_rows(MemoryTransaction& transaction, const LaneRequest& lane, std::size_t index,
                             const std::vector<std::string>& seen, Claimed& claimed) {
  int limit = std::max(lane.limit, 0);
  std::int64_t before = 0;
  for (const std::string& id : seen) {
    if (limit == 0) break;
    const auto found = store_.rows_.find(id);
    const bool fits = found != store_.rows_.end() && MemoryStore::fits(found->second, lane);
    if (!fits || !transaction.try_lock(id)) continue;
    --limit;
    if (before >= lane.bytes) continue;
    const MemoryStore::Row& row = found->second;
    before += static_cast<std::int64_t>(row.payload.size());
    ClaimedJob job{index, {}};
    static_cast<job::Ref&>(job.job) = {row.id, row.type,       MemoryStore::next_attempt(row),
                                       0,      row.created_at, MemoryStore::place_of(row)};
    job.job.payload = row.payload;
    claimed.jobs.push_back(std::move(job));
  }
}

/// Rivals may have claimed rows, and let their locks go, before we came to these.
void MemoryClaims::look_again(Claimed& claimed) const {
  if (base::planted(base::Bug::one_statement_claim)) return;
  const std::size_t others = std::erase_if(claimed.jobs, [&](const ClaimedJob& one) REQUIRES(store_.mutex_) {
    return store_.claimed(one.job.id);
  });
  if (others > 0) base::mark("claim: rivals took what was chosen");
  claimed.is_rivalled = others > 0;
}

void MemoryClaims::record(Claimed& claimed) {
  if (claimed.jobs.empty()) return;
  claimed.claim = ++store_.last_number_;
  MemoryStore::Claim made{runtime_, pump_, {}, store_.marks_};
  for (ClaimedJob& one : claimed.jobs) {
    one.job.claim = claimed.claim;
    made.ids.insert(one.job.id);
    if (!store_.marks_) continue;
    MemoryStore::Row& row = store_.rows_.at(one.job.id);
    store_.take(row, "processing");
    one.job.place = MemoryStore::place_of(row);
  }
  if (store_.watcher_ != nullptr) {
    std::set<std::string> taken = made.ids;
    std::erase_if(taken, [&](const std::string& id) REQUIRES(store_.mutex_) { return !store_.named(id); });
    store_.watcher_->on_claim(runtime_, made.ids, taken);
  }
  store_.claims_.emplace(claimed.claim, std::move(made));
}

void MemoryClaims::reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) {
  MemoryTransaction transaction(store_);
  const auto until = base::Clock::now() + patience;
  for (;;) {
    {
      const base::Lock lock(store_.mutex_);
      store_.check_available();
      if (try_reconcile(transaction, known, newest)) return;
    }
    if (base::Clock::now() >= until) throw HeldUp("a row is locked");
    transaction.pause(MemoryStore::Step::waits);
  }
}

/// False if something is locked.
bool MemoryClaims::try_reconcile(MemoryTransaction& transaction, const std::vector<std::int64_t>& known,
                                 std::int64_t newest) {
  std::set<std::int64_t> unknown;
  std::vector<std::int64_t> ended;
  for (const auto& [id, claim] : store_.claims_) {
    const bool is_known = std::find(known.begin(), known.end(), id) != known.end();
    if (claim.runtime != runtime_ || claim.pump != pump_ || is_known) continue;
    if (store_.shared_claims_.contains(id)) return false;
    if (id <= newest) {
      ended.push_back(id);
      continue;
    }
    for (const std::string& job : claim.ids) {
      const auto row = store_.rows_.find(job);
      const bool written = row != store_.rows_.end() && row->second.status == "processing";
      if (written && !transaction.try_lock(job)) return false;
    }
    unknown.insert(id);
  }
  store_.surrender(ended);
  if (!unknown.empty()) base::mark("reconcile: gave back a lost claim");
  for (const auto& id : store_.take_claims(unknown)) store_.give_back(id);
  return true;
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

}  // namespace sluice::store
