#include "store/memory_store.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/planted.hpp"
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
  if (const auto before = rows_.find(id); before != rows_.end()) row.version = before->second.version + 1;
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

void MemoryStore::request_cancel(const std::string& id) {
  const base::Lock lock(mutex_);
  cancel_requests_.insert(id);
}

std::vector<MemoryStore::Row> MemoryStore::rows() const {
  const base::Lock lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [id, row] : rows_) rows.push_back(row);
  return rows;
}

RuntimeId MemoryStore::last_enlisted() const {
  const base::Lock lock(mutex_);
  return runtimes_.empty() ? 0 : runtimes_.rbegin()->first;
}

std::vector<std::string> MemoryStore::left_over(const std::set<RuntimeId>& runtimes) const {
  const base::Lock lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [id, claim] : claims_) {
    std::string line = "claim " + std::to_string(id) + " of runtime " + std::to_string(claim.runtime) + ":";
    for (const std::string& job : claim.ids) line += " " + job;
    all.push_back(line);
  }
  for (const auto& [id, runtime] : runtimes_) {
    if (!runtimes.contains(id)) all.push_back("runtime " + std::to_string(id));
  }
  for (const auto& [id, schedule] : schedule_) {
    const auto row = rows_.find(id);
    if (row == rows_.end() || row->second.status != schedule.status) all.push_back("schedule of " + id);
  }
  for (const std::string& id : cancel_requests_) all.push_back("request to cancel " + id);
  for (const std::string& name : locks_) all.push_back("lock on " + name);
  return all;
}

void MemoryStore::insert(Row row) {
  const base::Lock lock(mutex_);
  rows_.insert_or_assign(row.id, row);
  if (row.status == "pending") notify();
}

bool MemoryStore::update(const std::string& id, const std::function<bool(Row&)>& change) {
  const base::Lock lock(mutex_);
  const auto found = rows_.find(id);
  if (found == rows_.end() || !change(found->second)) return false;
  touch(found->second);
  return true;
}

class MemoryStore::Tables {
 public:
  std::map<std::string, Row> rows;
  std::map<std::int64_t, Claim> claims;
  std::map<RuntimeId, Runtime> runtimes;
  std::map<std::string, Schedule> schedule;
  std::map<std::string, std::string> outputs, keys;
  std::vector<std::string> effects;
  std::vector<Failure> failures;
  std::set<std::string> cancel_requests;
};

std::shared_ptr<const MemoryStore::Tables> MemoryStore::tables() const {
  const base::Lock lock(mutex_);
  return std::make_shared<const Tables>(
      Tables{rows_, claims_, runtimes_, schedule_, outputs_, keys_, effects_, failures_, cancel_requests_});
}

/// Numbers are not handed out again, because a server writes its sequences ahead.
void MemoryStore::restore(const Tables& tables) {
  const base::Lock lock(mutex_);
  rows_ = tables.rows;
  claims_ = tables.claims;
  runtimes_ = tables.runtimes;
  schedule_ = tables.schedule;
  outputs_ = tables.outputs;
  keys_ = tables.keys;
  effects_ = tables.effects;
  failures_ = tables.failures;
  cancel_requests_ = tables.cancel_requests;
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

/// Alive, and without a gap of half a lease since its last beat that it knows of.
bool MemoryStore::is_steady(const Runtime& runtime, double last_beat) const {
  const double gap = lease_of(runtime) / 2;
  return is_alive(runtime) && now() <= runtime.beat_at + gap && runtime.beat_at <= last_beat + gap;
}

double MemoryStore::now() const {
  if (clock_) return clock_() + offset_;
  return std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count() + offset_;
}

int MemoryStore::this_attempt(const Row& row) {
  return row.status == "pending" ? next_attempt(row) : row.attempts;
}

bool MemoryStore::is_as_claimed(const Row& row, const job::Ref& job) {
  return row.status == "processing" || (row.status == "pending" && row.created_at == job.created_at);
}

/// The job's claim is there, and is the newest that names it.
bool MemoryStore::lives(const job::Ref& job) const {
  const auto claim = claims_.find(job.claim);
  if (claim == claims_.end() || !claim->second.ids.contains(job.id)) return false;
  const auto names = [&](const auto& other) { return other.second.ids.contains(job.id); };
  return std::none_of(std::next(claim), claims_.end(), names);
}

MemoryStore::Row* MemoryStore::ours(const job::Ref& job) {
  const auto found = rows_.find(job.id);
  const bool claimed = lives(job) || base::planted(base::Bug::no_fence);
  return claimed && found != rows_.end() && is_as_claimed(found->second, job) ? &found->second : nullptr;
}

std::string MemoryStore::place_of(const Row& row) {
  return row.version == 0 ? row.id : row.id + "@" + std::to_string(row.version);
}

void MemoryStore::touch(Row& row) {
  row.updated_at = now();
  ++row.version;
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
  touch(row);
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
  const bool lived = lives(s);
  if (const auto claim = claims_.find(s.claim); claim != claims_.end()) claim->second.ids.erase(s.id);
  if (!leaves(*row, s)) write(*row, s);
  if (watcher_ != nullptr) watcher_->on_settled(s, *row, lived);
  return true;
}

void MemoryStore::write(Row& row, const job::Settlement& s) {
  const int refund = base::planted(base::Bug::refunds_twice) ? 2 : 1;
  row.attempts = s.refund ? std::max(this_attempt(row) - refund, 0) : this_attempt(row);
  row.status = job::name(s.status);
  touch(row);
  if (s.plain()) return;
  const auto result = s.outcome.result;
  if (result != job::Result::done && result != job::Result::snooze && result != job::Result::released) {
    failures_.push_back(
        {s.id, s.type, s.attempt, std::string(job::name(result)), s.outcome.code, s.outcome.error});
  }
  if (s.delay) {
    schedule_[s.id] = {now() + std::chrono::duration<double>(*s.delay).count(), row.status};
  } else {
    schedule_.erase(s.id);
  }
  if (!s.outcome.output.empty()) outputs_[s.id] = s.outcome.output;
}

bool MemoryStore::fits(const Row& row, const LaneRequest& lane) {
  const double cursor = lane.cursor.value_or(-std::numeric_limits<double>::infinity());
  const bool ours = std::find(lane.types.begin(), lane.types.end(), row.type) != lane.types.end();
  return ours && row.status == "pending" && !(row.created_at < cursor);
}

// All rows that a lane may have, oldest first.
std::vector<std::string> MemoryStore::pick(const LaneRequest& lane) const {
  std::set<std::string_view> named;
  for (const auto& [number, claim] : claims_) {
    if (!claim.marked) named.insert(claim.ids.begin(), claim.ids.end());
  }
  std::vector<const Row*> rows;
  for (const auto& [id, row] : rows_) {
    if (fits(row, lane) && !named.contains(id)) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row* a, const Row* b) { return a->created_at < b->created_at; });
  std::vector<std::string> ids;
  for (const Row* row : rows) ids.push_back(row->id);
  return ids;
}

void MemoryStore::take(Row& row, const std::string& status) {
  row.status = status;
  row.attempts = next_attempt(row);
  touch(row);
}

/// Ends a job whose cancellation was requested, unless a runtime has it or its row is locked. Returns whether
/// the request is used up.
bool MemoryStore::end_request(const std::string& id) {
  const auto found = rows_.find(id);
  if (found == rows_.end()) return true;
  Row& row = found->second;
  if (named(id) || row.status == "processing") return false;
  const bool waits = row.status == "pending" || row.status == "scheduled" || schedule_.contains(id);
  if (!waits) return true;
  if (locks_.contains(id)) return false;
  row.status = "error";
  touch(row);
  schedule_.erase(id);
  failures_.push_back({id, row.type, row.attempts, "cancelled", "cancelled-by-hand", "cancelled by hand"});
  return true;
}

std::set<std::string> MemoryStore::named() const {
  const base::Lock lock(mutex_);
  std::set<std::string> ids;
  for (const auto& [id, claim] : claims_) ids.insert(claim.ids.begin(), claim.ids.end());
  return ids;
}

std::set<RuntimeId> MemoryStore::enlisted() const {
  const base::Lock lock(mutex_);
  std::set<RuntimeId> ids;
  for (const auto& [id, runtime] : runtimes_) {
    if (!runtime.lost) ids.insert(id);
  }
  return ids;
}

bool MemoryStore::is_open(const Row& row) {
  return row.status == "pending" || row.status == "processing";
}

bool MemoryStore::leaves(const Row& row, const job::Settlement& settlement) {
  return settlement.outcome.result == job::Result::released && row.status == "pending";
}

/// As the statement `surrender`.
void MemoryStore::surrender(const std::vector<std::int64_t>& claims) {
  const auto names_open = [&](const std::string& id) REQUIRES(mutex_) {
    const auto row = rows_.find(id);
    return row != rows_.end() && is_open(row->second);
  };
  RuntimeId lost = 0;
  for (const std::int64_t number : claims) {
    auto claim = claims_.extract(number);
    if (claim.empty() || std::none_of(claim.mapped().ids.begin(), claim.mapped().ids.end(), names_open))
      continue;
    base::mark("surrender: the server lost an outcome");
    if (lost == 0) {
      Runtime copy = runtimes_.at(claim.mapped().runtime);
      copy.lost = true;
      copy.info.lease = {};
      lost = ++last_number_;
      runtimes_.emplace(lost, std::move(copy));
    }
    claim.mapped().runtime = lost;
    claims_.emplace(++last_number_, std::move(claim.mapped()));
  }
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
    return named(id) || row == rows_.end() || !is_open(row->second);
  });
  return ids;
}

}  // namespace sluice::store
