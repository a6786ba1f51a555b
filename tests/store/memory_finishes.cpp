#include <algorithm>
#include <utility>

#include "base/planted.hpp"
#include "store/memory_sessions.hpp"
#include "store/memory_transaction.hpp"

namespace sluice::store {

namespace {

constexpr std::chrono::milliseconds patience{100};  // for a row that another session has locked
constexpr const char* no_effect = "the update had no effect";

}  // namespace

/// As the statements `settle` and `finish_in_place`, and `finish` for rows that have moved.
std::vector<Unwritten> MemoryFinishes::finish(const std::vector<job::Settlement>& settlements,
                                              const std::vector<std::int64_t>& closing) {
  return write(settlements, closing, true);
}

std::vector<Unwritten> MemoryFinishes::finish_with_care(const std::vector<job::Settlement>& settlements,
                                                        const std::vector<std::int64_t>& closing) {
  return write(settlements, closing, false);
}

std::vector<Unwritten> MemoryFinishes::write(const std::vector<job::Settlement>& settlements,
                                             const std::vector<std::int64_t>& closing, bool in_place) {
  MemoryTransaction transaction(store_);
  Batch batch{settlements, std::vector<std::optional<Unwritten>>(settlements.size()),
              std::vector<std::int64_t>(settlements.size())};
  look(transaction, batch);
  transaction.pause(MemoryStore::Step::looked);
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (!batch.refused[i]) take_row(transaction, batch, i, in_place && settlements[i].plain());
  }
  transaction.pause(MemoryStore::Step::written);
  return commit(batch, closing);
}

void MemoryFinishes::look(MemoryTransaction& transaction, Batch& batch) {
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  for (std::size_t i = 0; i < batch.settlements.size(); ++i) {
    const job::Settlement& one = batch.settlements[i];
    const MemoryStore::Row* row = store_.ours(one);
    if (row == nullptr) {
      batch.refused[i] = Unwritten{i, Unwritten::Why::not_ours, "", "", false};
      continue;
    }
    batch.versions[i] = row->version;
    transaction.share_claim(one.claim);
  }
}

/// Plain ones wait for their rows, others skip locked ones. A row that another session wrote after the
/// statement's snapshot is in another place, where the statement does not change it.
void MemoryFinishes::take_row(MemoryTransaction& transaction, Batch& batch, std::size_t i, bool waits) {
  const job::Settlement& one = batch.settlements[i];
  if (is_untouched(one)) return;
  const bool in_place = present(one).first == one.place;
  if (waits && !in_place) return find_row(transaction, batch, i);
  if (!transaction.lock(one.id, waits ? base::Clock::duration(patience) : base::Clock::duration(0))) {
    batch.refused[i] = Unwritten{i, Unwritten::Why::locked, "", "", false};
    return;
  }
  if (present(one).second == batch.versions[i]) return;
  {
    const base::Lock lock(store_.mutex_);
    transaction.unlock(one.id);
  }
  if (waits) return find_row(transaction, batch, i);
  batch.refused[i] = Unwritten{i, Unwritten::Why::locked, "", "", false};
}

bool MemoryFinishes::is_untouched(const job::Settlement& settlement) const {
  const base::Lock lock(store_.mutex_);
  const auto row = store_.rows_.find(settlement.id);
  return row != store_.rows_.end() && MemoryStore::leaves(row->second, settlement);
}

/// Statement `finish`, with a snapshot of its own: what another session writes after that, it leaves as it
/// is.
void MemoryFinishes::find_row(MemoryTransaction& transaction, Batch& batch, std::size_t i) {
  base::mark("finish: a row has moved");
  const job::Settlement& one = batch.settlements[i];
  std::int64_t version = 0;
  {
    const base::Lock lock(store_.mutex_);
    const MemoryStore::Row* row = store_.ours(one);
    if (row == nullptr) {
      batch.refused[i] = Unwritten{i, Unwritten::Why::not_ours, "", "", false};
      return;
    }
    version = row->version;
  }
  transaction.pause(MemoryStore::Step::looked);
  if (!transaction.lock(one.id, patience)) {
    batch.refused[i] = Unwritten{i, Unwritten::Why::locked, "", "", false};
  } else if (present(one).second != version) {
    batch.refused[i] = Unwritten{i, Unwritten::Why::refused, "", no_effect, false};
  }
}

/// Where a job's row is, and its version; nothing if it is not to be finished any more.
std::pair<std::string, std::int64_t> MemoryFinishes::present(const job::Ref& job) const {
  const base::Lock lock(store_.mutex_);
  const auto found = store_.rows_.find(job.id);
  if (found == store_.rows_.end() || !MemoryStore::is_open(found->second)) return {"", -1};
  return {MemoryStore::place_of(found->second), found->second.version};
}

std::vector<Unwritten> MemoryFinishes::commit(Batch& batch, const std::vector<std::int64_t>& closing) {
  const base::Lock lock(store_.mutex_);
  std::set<std::int64_t> closed(closing.begin(), closing.end());
  std::vector<Unwritten> unwritten;
  const auto refuses = [&](const job::Settlement& one) { return store_.refuses_ && store_.refuses_(one); };
  const bool any = std::any_of(batch.settlements.begin(), batch.settlements.end(), refuses);
  if (any && base::planted(base::Bug::one_refused_blocks_all)) throw Refused("a trigger refuses a row");
  for (std::size_t i = 0; i < batch.settlements.size(); ++i) {
    const job::Settlement& one = batch.settlements[i];
    std::optional<Unwritten>& why = batch.refused[i];
    if (!why && refuses(one))
      why = Unwritten{i, Unwritten::Why::refused, "P0001", "a trigger refuses it", false};
    if (!why && !store_.settle(one)) why = Unwritten{i, Unwritten::Why::refused, "", no_effect, false};
    if (!why) continue;
    if (why->why != Unwritten::Why::not_ours) closed.erase(one.claim);
    unwritten.push_back(*why);
  }
  for (const auto claim : closed) store_.claims_.erase(claim);
  return unwritten;
}

std::vector<std::string> MemoryFinishes::mark(const std::vector<job::Ref>& jobs,
                                              const std::vector<std::int64_t>& filled) {
  MemoryTransaction transaction(store_);
  std::vector<bool> seen;
  {
    const base::Lock lock(store_.mutex_);
    store_.check_available();
    for (const job::Ref& one : jobs) {
      const auto* row = store_.ours(one);
      seen.push_back(row != nullptr && row->status == "pending");
      if (seen.back()) transaction.share_claim(one.claim);
    }
  }
  transaction.pause(MemoryStore::Step::looked);
  {
    const base::Lock lock(store_.mutex_);
    for (std::size_t i = 0; i < jobs.size(); ++i) seen[i] = seen[i] && transaction.try_lock(jobs[i].id);
  }
  transaction.pause(MemoryStore::Step::written);
  const base::Lock lock(store_.mutex_);
  for (const std::int64_t claim : filled) {
    if (const auto found = store_.claims_.find(claim); found != store_.claims_.end())
      found->second.marked = true;
  }
  std::vector<std::string> places;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    auto* row = seen[i] ? store_.ours(jobs[i]) : nullptr;
    const bool waits = row != nullptr && row->status == "pending";
    if (waits) store_.take(*row, "processing");
    places.push_back(waits ? MemoryStore::place_of(*row) : "");
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

void MemoryFinishes::surrender(const std::vector<std::int64_t>& claims) {
  MemoryTransaction transaction(store_);
  transaction.pause(MemoryStore::Step::written);
  const base::Lock lock(store_.mutex_);
  store_.check_available();
  store_.surrender(claims);
}

/// A transaction for each job.
std::vector<Unwritten> MemoryEffects::commit(const std::vector<job::Settlement>& settlements) {
  std::vector<Unwritten> unwritten;
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    if (auto why = commit_one(settlements[i])) {
      why->index = i;
      unwritten.push_back(*why);
    }
  }
  return unwritten;
}

std::optional<Unwritten> MemoryEffects::commit_one(const job::Settlement& settlement) {
  MemoryTransaction transaction(store_);
  const job::Outcome& outcome = settlement.outcome;
  {
    const base::Lock lock(store_.mutex_);
    store_.check_available();
    const auto* row = store_.ours(settlement);
    const bool blind = row == nullptr && base::planted(base::Bug::effects_twice);
    if (row == nullptr && !blind) return Unwritten{0, Unwritten::Why::not_ours, "", "", false};
    if (!transaction.try_lock(settlement.id)) return Unwritten{0, Unwritten::Why::locked, "", "", false};
    transaction.share_claim(settlement.claim);
  }
  transaction.pause(MemoryStore::Step::locked);
  const auto fails = [](const job::Effect& effect) { return effect.sql == MemoryStore::failing_effect; };
  if (std::any_of(outcome.effects.begin(), outcome.effects.end(), fails))
    return Unwritten{0, Unwritten::Why::refused, "effect-XX000", "an effect that fails", false};
  transaction.pause(MemoryStore::Step::written);
  const base::Lock lock(store_.mutex_);
  const bool written = store_.settle(settlement);
  if (written || base::planted(base::Bug::effects_twice)) apply(settlement);
  return written ? std::nullopt : std::optional(Unwritten{0, Unwritten::Why::not_ours, "", "", false});
}

void MemoryEffects::apply(const job::Settlement& settlement) {
  for (const auto& effect : settlement.outcome.effects) {
    store_.effects_.push_back(effect.sql);
    if (store_.watcher_ != nullptr) store_.watcher_->on_effect(settlement.id, effect.sql);
  }
  for (const auto& job : settlement.outcome.follow_ups) {
    const Enqueued made =
        store_.enqueue({job.type, job.payload, job.delay,
                        job.unique_key.empty() ? std::nullopt : std::optional(job.unique_key)});
    if (store_.watcher_ != nullptr && !made.existing) store_.watcher_->on_follow_up(settlement.id, made.id);
  }
}

}  // namespace sluice::store
