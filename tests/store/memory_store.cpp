#include "store/memory_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/memory_sessions.hpp"

namespace sluice::store {

int MemoryStore::next_attempt(const Row& row) {
  return std::min(row.attempts, std::numeric_limits<int>::max() - 1) + 1;
}

std::unique_ptr<ClaimSession> MemoryStore::claims(RuntimeId runtime, int pump, bool listens) {
  return std::make_unique<MemoryClaims>(*this, runtime, pump, listens);
}

std::unique_ptr<EffectSession> MemoryStore::effects(std::chrono::microseconds) {
  return std::make_unique<MemoryEffects>(*this);
}

std::unique_ptr<FinishSession> MemoryStore::finishes() {
  return std::make_unique<MemoryFinishes>(*this);
}

std::unique_ptr<HeartSession> MemoryStore::heart(std::chrono::milliseconds) {
  return std::make_unique<MemoryHeart>(*this);
}

std::unique_ptr<CareSession> MemoryStore::care() {
  return std::make_unique<MemoryCare>(*this);
}

std::unique_ptr<PruneSession> MemoryStore::prunes(const std::string& status, job::Microseconds older_than) {
  return std::make_unique<MemoryPrunes>(*this, status, older_than);
}

std::unique_ptr<DeskSession> MemoryStore::desk() {
  return std::make_unique<MemoryDesk>(*this);
}

void MemoryStore::put(Row row) {
  const base::Lock lock(mutex_);
  std::string id = row.id;
  rows_.insert_or_assign(std::move(id), std::move(row));
  notify();
}

void MemoryStore::erase(const std::string& id) {
  const base::Lock lock(mutex_);
  rows_.erase(id);
}

void MemoryStore::advance(std::chrono::microseconds time) {
  const base::Lock lock(mutex_);
  offset_ += std::chrono::duration<double>(time).count();
}

void MemoryStore::set_available(bool available) {
  const base::Lock lock(mutex_);
  available_ = available;
}

std::optional<MemoryStore::Row> MemoryStore::row(const std::string& id) const {
  const base::Lock lock(mutex_);
  const auto found = rows_.find(id);
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> MemoryStore::output(const std::string& id) const {
  const base::Lock lock(mutex_);
  const auto found = outputs_.find(id);
  return found == outputs_.end() ? std::nullopt : std::optional(found->second);
}

bool MemoryStore::scheduled(const std::string& id) const {
  const base::Lock lock(mutex_);
  return schedule_.contains(id);
}

std::vector<std::string> MemoryStore::effects() const {
  const base::Lock lock(mutex_);
  return effects_;
}

std::vector<Trace> MemoryStore::traces() const {
  const base::Lock lock(mutex_);
  return traces_;
}

std::vector<Failure> MemoryStore::failures() const {
  const base::Lock lock(mutex_);
  return failures_;
}

void MemoryStore::notify() {
  if (wakeful_.empty()) return;
  ++insertions_;
  inserted_.notify_all();
}

void MemoryStore::check_available() const {
  if (!available_) throw Unavailable("the store in memory was made unavailable");
}

double MemoryStore::lease_of(const Runtime& runtime) {
  return std::chrono::duration<double>(runtime.info.lease).count();
}

bool MemoryStore::is_alive(const Runtime& runtime) const {
  return runtime.beat_at > now() - lease_of(runtime);
}

double MemoryStore::now() const {
  return std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count() + offset_;
}

int MemoryStore::this_attempt(const Row& row) {
  return row.status == "pending" ? next_attempt(row) : row.attempts;
}

MemoryStore::Row* MemoryStore::ours(const job::Ref& job) {
  const auto claim = claims_.find(job.claim);
  const auto found = rows_.find(job.id);
  if (claim == claims_.end() || !claim->second.ids.contains(job.id) || found == rows_.end()) return nullptr;
  Row& row = found->second;
  const bool as_claimed = row.status == "pending" && row.created_at == job.created_at;
  if (row.status != "processing" && !as_claimed) return nullptr;
  const auto names = [&](const auto& other) { return other.second.ids.contains(job.id); };
  return std::any_of(std::next(claim), claims_.end(), names) ? nullptr : &row;
}

std::string MemoryStore::shown_status(const Row& row) const {
  return row.status == "pending" && claimed(row.id) ? "processing" : row.status;
}

/// Releases a job. If it was never marked, its row is not written.
void MemoryStore::give_back(const std::string& id) {
  Row& row = rows_.at(id);
  if (row.status != "processing") return;
  row.status = "pending";
  row.attempts = std::max(row.attempts - 1, 0);
  row.updated_at = now();
}

Enqueued MemoryStore::enqueue(const EnqueueRequest& request) {
  if (request.unique_key) {
    const auto key = keys_.find(*request.unique_key);
    if (key != keys_.end() && rows_.contains(key->second)) return {key->second, true};
  }
  std::string number = std::to_string(++last_number_);
  Row row;
  row.id = "c" + std::string(24 - number.size(), '0') + number;
  row.type = request.type;
  row.payload = request.payload;
  row.created_at = row.updated_at = now();
  if (request.delay && request.delay->count() > 0) {
    row.status = "scheduled";
    schedule_[row.id] = {row.created_at + std::chrono::duration<double>(*request.delay).count(), row.status};
  }
  if (request.unique_key) keys_[*request.unique_key] = row.id;
  Enqueued enqueued{row.id, false};
  rows_[row.id] = std::move(row);
  notify();
  return enqueued;
}

bool MemoryStore::named(const std::string& id) const {
  return std::any_of(claims_.begin(), claims_.end(),
                     [&](const auto& c) { return c.second.ids.contains(id); });
}

bool MemoryStore::claimed(const std::string& id) const {
  return std::any_of(claims_.begin(), claims_.end(),
                     [&](const auto& c) { return !c.second.marked && c.second.ids.contains(id); });
}

// Of a minute that is only partly in the window, the same part is counted.
std::vector<Throughput> MemoryStore::throughput(double window) const {
  constexpr double minute = 60;
  std::map<std::string, Throughput> by_type;
  for (const auto& [key, counted] : throughput_) {
    const double left = static_cast<double>(key.number + 1) * minute - (now() - window);
    if (left <= 0) continue;
    const double share = std::min(1.0, left / minute);
    Throughput& sum = by_type[key.type];
    sum.type = key.type;
    sum.done += counted.done * share;
    sum.retrying += counted.retrying * share;
    sum.failed += counted.failed * share;
    sum.snoozed += counted.snoozed * share;
    sum.busy += counted.busy * share;
  }
  std::vector<Throughput> all;
  all.reserve(by_type.size());
  for (auto& [type, sum] : by_type) all.push_back(std::move(sum));
  return all;
}

bool MemoryStore::settle(const job::Settlement& s) {
  Row* row = ours(s);
  if (row == nullptr) return false;
  claims_.at(s.claim).ids.erase(s.id);
  if (s.outcome.result == job::Result::released && row->status == "pending") return true;
  row->attempts = s.refund ? std::max(this_attempt(*row) - 1, 0) : this_attempt(*row);
  row->status = job::name(s.status);
  row->updated_at = now();
  if (s.plain()) return true;
  const auto result = s.outcome.result;
  if (result != job::Result::done && result != job::Result::snooze && result != job::Result::released) {
    failures_.push_back(
        {s.id, s.type, s.attempt, std::string(job::name(result)), s.outcome.code, s.outcome.error});
  }
  if (s.delay) {
    schedule_[s.id] = {now() + std::chrono::duration<double>(*s.delay).count(), row->status};
  } else {
    schedule_.erase(s.id);
  }
  if (!s.outcome.output.empty()) outputs_[s.id] = s.outcome.output;
  return true;
}

// The oldest rows that a lane may claim.
std::vector<MemoryStore::Row*> MemoryStore::pick(const LaneRequest& lane) {
  const std::set<std::string> types(lane.types.begin(), lane.types.end());
  const double cursor = lane.cursor.value_or(-std::numeric_limits<double>::infinity());
  std::vector<Row*> rows;
  for (auto& [id, row] : rows_) {
    const bool free = row.status == "pending" && !claimed(id);
    if (free && types.contains(row.type) && !(row.created_at < cursor)) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row* a, const Row* b) { return a->created_at < b->created_at; });
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(std::max(lane.limit, 0))));
  std::int64_t before = 0;
  const auto full = std::find_if(rows.begin(), rows.end(), [&](const Row* row) {
    if (before >= lane.bytes) return true;
    before += static_cast<std::int64_t>(row->payload.size());
    return false;
  });
  rows.erase(full, rows.end());
  return rows;
}

void MemoryStore::take(Row& row, const std::string& status) {
  row.status = status;
  row.attempts = next_attempt(row);
  row.updated_at = now();
}

std::vector<ClaimedJob> MemoryStore::claim(const LaneRequest& lane, std::size_t index, std::int64_t claim) {
  std::vector<ClaimedJob> jobs;
  for (const Row* row : pick(lane)) {
    ClaimedJob claimed{index, {}};
    static_cast<job::Ref&>(claimed.job) = {row->id, row->type,       next_attempt(*row),
                                           claim,   row->created_at, row->id};
    claimed.job.payload = row->payload;
    jobs.push_back(std::move(claimed));
  }
  return jobs;
}

// Deletes the claims. Returns their unfinished jobs that no other claim names.
std::set<std::string> MemoryStore::take_claims(const std::set<std::int64_t>& claims) {
  std::set<std::string> ids;
  for (const auto claim : claims) {
    auto node = claims_.extract(claim);
    if (!node.empty()) ids.merge(node.mapped().ids);
  }
  std::erase_if(ids, [&](const std::string& id) REQUIRES(mutex_) {
    const auto row = rows_.find(id);
    const bool ours =
        row != rows_.end() && (row->second.status == "processing" || row->second.status == "pending");
    return named(id) || !ours;
  });
  return ids;
}

}  // namespace sluice::store
