#include "engine/router.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::engine {

namespace {

// A lane's slowest type is forgotten when none of its jobs ended for so long.
constexpr std::chrono::seconds pace_memory{5};
constexpr int sweep_share = 20;  // a sweep may take 1/20 of the time
// Slow sweeps take less while a lane is busy, but are 5 s apart at most; so it may have one as soon as it
// runs dry.
constexpr std::chrono::milliseconds slow_sweep{20};
constexpr int busy_sweep_share = 60;
constexpr std::chrono::seconds slow_sweep_pause{5};
constexpr std::chrono::milliseconds most_sweep_credit{250};
constexpr std::chrono::milliseconds brisk_rest{5};  // while jobs keep coming
constexpr std::chrono::milliseconds side_rest{10};  // the longest while they keep coming for other lanes

double seconds_of(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

Clock::duration sweep_pause(Clock::duration took) {
  const Clock::duration pause = std::max<Clock::duration>(brisk_rest, took * sweep_share);
  if (took < slow_sweep) return pause;
  return std::max(pause, std::min<Clock::duration>(took * busy_sweep_share, slow_sweep_pause));
}

}  // namespace

Router::Router(int batch_max, std::chrono::microseconds poll_interval, std::optional<std::int64_t> budget)
    : batch_max_(batch_max),
      poll_interval_(poll_interval),
      unannounced_interval_(unannounced_interval(poll_interval)),
      budget_(budget) {}

/// A job of one of its types ended, which take `type_pace` seconds each.
void Router::Lane::measure(double type_pace, Clock::time_point now) {
  if (type_pace < pace && now - paced_at < pace_memory) return;
  pace = type_pace;
  paced_at = now;
}

/// What runs without an end is slow, whatever was measured before. Where nothing was, it is so only when slow
/// jobs have no queue: there is none before the first end.
double Router::Lane::pace_now(Clock::time_point now) const {
  if (jobs == 0 || now <= returned_at) return pace;
  const double unended = seconds_of(now - returned_at);
  return pace < 0 && unended <= slots * queue_seconds ? pace : std::max(pace, unended);
}

int Router::Lane::window(Clock::time_point now) const {
  const int open = engine::window(slots, pace_now(now));
  return spec.concurrency > 0 ? std::min(open, spec.concurrency) : open;
}

void Router::Lane::charge_sweep(Clock::duration took, Clock::time_point now) {
  if (sweep_credit_at != Clock::time_point{}) sweep_credit += (now - sweep_credit_at) / sweep_share;
  sweep_credit = std::min<Clock::duration>(sweep_credit, most_sweep_credit) - took;
  sweep_credit_at = now;
  sweep_due = now + sweep_pause(took);
  slow = took >= slow_sweep;
}

/// All is claimed that its cursor leads to: a slow sweep is due as soon as it can be afforded.
void Router::Lane::hasten_sweep() {
  if (!slow) return;
  const Clock::duration debt = std::max<Clock::duration>(Clock::duration::zero(), -sweep_credit);
  sweep_due = std::min(sweep_due, sweep_credit_at + debt * sweep_share);
}

void Router::end_when_dry() {
  const std::lock_guard lock(mutex_);
  ends_ = true;
}

void Router::set_lanes(std::vector<LaneSpec> lanes) {
  const std::lock_guard lock(mutex_);
  for (LaneSpec& spec : lanes) std::sort(spec.types.begin(), spec.types.end());
  std::vector<bool> taken(lanes_.size());
  keep_lanes(lanes, taken,
             [](const LaneSpec& before, const LaneSpec& now) { return before.types == now.types; });
  keep_lanes(lanes, taken, [](const LaneSpec& before, const LaneSpec& now) {
    return before.plugin == now.plugin && before.concurrency == 0 && now.concurrency == 0;
  });
  for (LaneSpec& spec : lanes) {
    Lane& lane = lanes_[vacant_lane(taken)];
    lane = {};
    lane.spec = std::move(spec);
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (taken[i]) continue;
    lanes_[i].spec = {};
    lanes_[i].closed = true;
  }
  ++changes_;  // what is being claimed was asked for before
  count_traffic();
}

/// Hands each spec a lane of before that is the `same`, and takes it out of `specs`.
void Router::keep_lanes(std::vector<LaneSpec>& specs, std::vector<bool>& taken,
                        bool (*same)(const LaneSpec& before, const LaneSpec& now)) {
  std::erase_if(specs, [&](LaneSpec& spec) {
    for (std::size_t i = 0; i < taken.size(); ++i) {
      Lane& lane = lanes_[i];
      if (taken[i] || lane.spec.types.empty() || !same(lane.spec, spec)) continue;
      taken[i] = true;
      lane.closed = false;
      if (lane.spec.types != spec.types) {
        lane.cursor.reset();
        lane.sweep_due = {};
        lane.dry_until = {};
        lane.rest = {};
        lane.swept_empty = false;
      }
      lane.spec = std::move(spec);
      return true;
    }
    return false;
  });
}

/// A lane that nobody refers to any more.
std::size_t Router::vacant_lane(std::vector<bool>& taken) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (taken[i] || !lanes_[i].spec.types.empty() || lanes_[i].reservations > 0) continue;
    taken[i] = true;
    return i;
  }
  lanes_.emplace_back();
  taken.push_back(true);
  return lanes_.size() - 1;
}

/// Counts all jobs under way in the lanes that have their types now.
void Router::count_traffic() {
  for (auto& [type, traffic] : traffic_) traffic.lane.reset();
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i].jobs = 0;
    lanes_[i].bytes = 0;
    for (const std::string& type : lanes_[i].spec.types) {
      Traffic& traffic = traffic_[type];
      traffic.lane = i;
      lanes_[i].jobs += traffic.jobs;
      lanes_[i].bytes += traffic.bytes;
    }
  }
}

void Router::count(const std::string& type, int jobs, std::int64_t bytes) {
  Traffic& traffic = traffic_[type];
  traffic.jobs += jobs;
  traffic.bytes += bytes;
  if (!traffic.lane) return;
  lanes_[*traffic.lane].jobs += jobs;
  lanes_[*traffic.lane].bytes += bytes;
}

void Router::set_slots(std::size_t plugin, int slots) {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) {
    if (lane.spec.plugin == plugin) lane.slots = slots;
  }
}

void Router::close(std::size_t plugin) {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) {
    if (lane.spec.plugin == plugin) lane.closed = true;
  }
}

void Router::begin_change() {
  const std::lock_guard lock(mutex_);
  ++under_way_;
}

void Router::end_change(bool any) {
  const std::lock_guard lock(mutex_);
  --under_way_;
  if (!any) return;
  ++changes_;
  for (Lane& lane : lanes_) {
    lane.cursor.reset();
    lane.dry_until = {};
    lane.swept_empty = false;
  }
}

void Router::wake() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  for (Lane& lane : lanes_) {
    lane.dry_until = {};
    lane.rest = {};
  }
}

void Router::set_announced(bool announced) {
  const std::lock_guard lock(mutex_);
  announced_ = announced;
}

Load Router::load() const {
  const std::lock_guard lock(mutex_);
  const auto rests = [](const Lane& lane) { return !lane.closed && lane.swept_empty; };
  const bool idle = announced_ && unwritten_ == 0 && under_way_ == 0;
  return {std::any_of(lanes_.begin(), lanes_.end(), rests), finds_, found_, idle, unwritten_ > 0};
}

/// How many jobs more it may have with the hosts. Slow jobs of all lanes of a plugin together have its slots
/// and no more, or they would wait there in one lane's name or another's.
int Router::room(const Lane& lane, Clock::time_point now) const {
  const int open = lane.window(now) - lane.in_flight();
  if (open <= 0 || !lane.queueless(now)) return open;
  int slow = 0;
  for (const Lane& other : lanes_) {
    if (other.spec.plugin == lane.spec.plugin && other.queueless(now)) slow += other.in_flight();
  }
  return std::min(open, lane.slots - slow);
}

int Router::limit(const Lane& lane, Clock::time_point now) const {
  std::int64_t room = std::min(this->room(lane, now), share_of(lane.window(now)));
  // A statement locks all rows that it looks at, so it should not look at many more than it can take.
  if (lane.mean_bytes > 0)
    room = std::min(room, std::max<std::int64_t>(1, 2 * claim_bytes / lane.mean_bytes));
  if (!lane.has_byte_room()) room = std::min<std::int64_t>(room, lane.slots - lane.in_flight());
  const std::int64_t most = std::min({room, std::int64_t{batch_max_}, budget_.value_or(batch_max_)});
  return static_cast<int>(std::max<std::int64_t>(0, most));
}

/// A good part of its window is free, so that batches are worth their statement.
bool Router::has_use(const Lane& lane, Clock::time_point now) const {
  if (lane.closed) return false;
  const int worthwhile = std::max(1, std::min(lane.window(now) / 4, batch_max_));
  return room(lane, now) >= (lane.queueless(now) ? 1 : worthwhile) && limit(lane, now) > 0;
}

bool Router::due(const Lane& lane, Clock::time_point now) const {
  return lane.dry_until <= now && has_use(lane, now);
}

bool Router::claimable(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(lanes_.begin(), lanes_.end(), [&](const Lane& lane) { return due(lane, now); });
}

Clock::time_point Router::next_due(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  Clock::time_point next = now + unannounced_interval_;
  for (const Lane& lane : lanes_) {
    if (lane.closed) continue;
    next = std::min(next, lane.dry_until > now ? lane.dry_until : now + poll_interval_);
  }
  return next;
}

/// The first in turn that is due says which kind it is for.
std::vector<Reservation> Router::reserve(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::vector<Reservation> taken;
  const auto in_turn = [&](std::size_t i) { return (next_lane_ + i) % lanes_.size(); };
  std::size_t first = 0;
  while (first < lanes_.size() && !due(lanes_[in_turn(first)], now)) ++first;
  if (first == lanes_.size()) return taken;
  const bool brief = lanes_[in_turn(first)].spec.brief;
  for (std::size_t i = 0; i < lanes_.size() && taken.size() < store::max_lanes; ++i) {
    const std::size_t index = in_turn(i);
    Lane& lane = lanes_[index];
    const bool tried = lane.dry_until > now && lane.tried_at + brisk_rest > now;
    if (lane.spec.brief != brief || !has_use(lane, now) || tried) continue;
    const int most = limit(lane, now);
    if (lane.sweep_due <= now) lane.cursor.reset();
    taken.push_back({index, most, !lane.cursor, !brief, changes_, doubts_});
    if (taken.back().sweep) lane.sweep_due = now + poll_interval_;
    ++lane.reservations;
    lane.reserved += most;
    lane.dry_until = now;  // the other pump may claim meanwhile: rows that this one locks are skipped
    if (budget_) *budget_ -= most;
    ++under_way_;
  }
  if (!taken.empty()) next_lane_ = (taken.back().lane + 1) % lanes_.size();
  return taken;
}

store::LaneRequest Router::request(const Reservation& reservation) const {
  const std::lock_guard lock(mutex_);
  const Lane& lane = lanes_[reservation.lane];
  return {lane.spec.types, reservation.limit, reservation.sweep ? std::nullopt : lane.cursor, claim_bytes};
}

void Router::claimed(const Reservation& reservation, const ClaimResult& result, Clock::duration took,
                     Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Lane& lane = lanes_[reservation.lane];
  const ClaimResult::Claimed sum = result.sum();
  const int unused = reservation.limit - sum.jobs;
  --lane.reservations;
  lane.reserved -= reservation.limit;
  if (lane.jobs == 0) lane.returned_at = now;
  for (const auto& [type, claimed] : result.by_type) count(type, claimed.jobs, claimed.bytes);
  if (budget_) *budget_ += unused;
  unwritten_ += sum.jobs;
  --under_way_;
  lane.tried_at = now;
  if (reservation.sweep) lane.charge_sweep(took, now);
  if (sum.jobs > 0) {
    ++finds_;
    found_ += sum.jobs;
    found_at_ = now;
    lane.mean_bytes = sum.bytes / sum.jobs;
    lane.rest = {};
  }
  if (result.last_created_at) {
    lane.cursor = std::max(lane.cursor.value_or(-HUGE_VAL), *result.last_created_at);
  }
  if (sum.bytes >= claim_bytes) doubt();  // what it locked and left looked taken to others
  const bool came_short = unused > 0 && sum.bytes < claim_bytes;
  lane.swept_empty = came_short && (reservation.sweep || lane.swept_empty) && reservation.doubts == doubts_;
  if (!came_short) return;
  if (!reservation.sweep && ends_) lane.sweep_due = now;
  if (!reservation.sweep) lane.hasten_sweep();
  lane.cursor = std::max(lane.cursor.value_or(-HUGE_VAL), result.asked_at - store::clock_slack);
  if (reservation.changes != changes_) {
    lane.swept_empty = false;  // jobs came while the statement ran, which may not have seen them
    lane.rest = {};
    lane.dry_until = now;
    return;
  }
  const bool others_find = now - found_at_ < poll_interval_;
  const auto longest = others_find ? std::min<Clock::duration>(side_rest, poll_interval_) : longest_rest();
  lane.rest = std::min<Clock::duration>(std::max<Clock::duration>(brisk_rest, 2 * lane.rest), longest);
  lane.dry_until = now + lane.rest;
  // Rows may wait behind the cursor: look there as soon as may be.
  if (!lane.swept_empty) lane.dry_until = std::min(lane.dry_until, std::max(now, lane.sweep_due));
}

void Router::unclaimed(const Reservation& reservation) {
  const std::lock_guard lock(mutex_);
  Lane& lane = lanes_[reservation.lane];
  --lane.reservations;
  lane.reserved -= reservation.limit;
  if (budget_) *budget_ += reservation.limit;
  --under_way_;
  doubt();  // it may have locked rows for a while
}

void Router::returned(const std::string& type, std::int64_t bytes, std::optional<job::Microseconds> ran,
                      Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  count(type, -1, -bytes);
  if (ran) {
    measure(traffic_[type], seconds_of(*ran), now);
  } else if (budget_) {
    ++*budget_;
  }
}

void Router::waited(const std::string& type, Clock::duration time, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Traffic& traffic = traffic_[type];
  measure(traffic, std::max(traffic.pace, seconds_of(time)), now);
}

void Router::measure(Traffic& traffic, double seconds, Clock::time_point now) {
  traffic.pace = traffic.pace < 0 ? seconds : (traffic.pace + seconds) / 2;
  if (!traffic.lane) return;
  lanes_[*traffic.lane].measure(traffic.pace, now);
  lanes_[*traffic.lane].returned_at = now;
}

void Router::held(const std::string& type, int jobs) {
  const std::lock_guard lock(mutex_);
  count(type, jobs, 0);
}

void Router::awaited() {
  const std::lock_guard lock(mutex_);
  ++unwritten_;
}

void Router::settled(bool again) {
  const std::lock_guard lock(mutex_);
  --unwritten_;
  if (again) doubt();
}

/// What sweeps did not find, those that are under way among them, may be there.
void Router::doubt() {
  ++doubts_;
  for (Lane& lane : lanes_) lane.swept_empty = false;
}

bool Router::exhausted() const {
  const std::lock_guard lock(mutex_);
  if (unwritten_ > 0 || under_way_ > 0) return false;
  if (budget_ && *budget_ <= 0) return true;
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.closed || lane.swept_empty; });
}

}  // namespace sluice::engine
