#include "engine/lanes/lanes.hpp"

#include <algorithm>
#include <utility>

#include "base/planted.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds side_rest{10};  // the longest rest while jobs keep coming for other lanes

}  // namespace

Lanes::Lanes(int batch_max, std::chrono::microseconds poll_interval, std::optional<std::int64_t> budget,
             bool drain)
    : poll_interval_(poll_interval), drain_(drain), room_(batch_max, budget) {}

void Lanes::set_lanes(std::vector<LaneSpec> specs) {
  const base::Lock lock(mutex_);
  for (const LaneId lane : room_.set_lanes(std::move(specs))) {
    searches_.try_emplace(lane, poll_interval_, drain_).first->second.forget();
  }
  std::erase_if(searches_, [this](const auto& one) REQUIRES(mutex_) { return !room_.has(one.first); });
  end_.arrive();  // the claims under way were made for the previous lanes
}

void Lanes::set_slots(std::size_t plugin, std::optional<int> slots) {
  const base::Lock lock(mutex_);
  room_.set_slots(plugin, slots);
}

bool Lanes::set_paused(std::set<std::string> types) {
  const base::Lock lock(mutex_);
  if (types == paused_) return false;
  paused_ = std::move(types);
  for (auto& [lane, search] : searches_) search.forget();
  end_.arrive();  // the claims under way were made for other types
  return true;
}

/// A lane of which all types are paused is not open.
std::vector<LaneId> Lanes::open_lanes() const {
  std::vector<LaneId> lanes = room_.open_lanes();
  if (paused_.empty()) return lanes;
  std::erase_if(lanes, [this](LaneId lane) REQUIRES(mutex_) {
    const auto& types = room_.spec(lane).types;
    return std::all_of(types.begin(), types.end(),
                       [this](const auto& type) REQUIRES(mutex_) { return is_paused(type); });
  });
  return lanes;
}

std::vector<std::string> Lanes::claimed_types(LaneId lane) const {
  std::vector<std::string> types = room_.spec(lane).types;
  std::erase_if(types, [this](const auto& type) REQUIRES(mutex_) { return is_paused(type); });
  return types;
}

void Lanes::begin_change() {
  const base::Lock lock(mutex_);
  end_.begin_change();
}

void Lanes::end_change(bool any) {
  const base::Lock lock(mutex_);
  end_.end_change(any);
  if (!any) return;
  for (auto& [lane, search] : searches_) search.restart();
}

void Lanes::wake() {
  const base::Lock lock(mutex_);
  end_.arrive();
  for (auto& [lane, search] : searches_) search.wake();
}

void Lanes::set_announced(bool announced) {
  const base::Lock lock(mutex_);
  announced_ = announced;
}

Load Lanes::load() const {
  const base::Lock lock(mutex_);
  const auto open = open_lanes();
  const auto is_empty = [this](LaneId lane) REQUIRES(mutex_) { return searches_.at(lane).is_empty(); };
  return {std::any_of(open.begin(), open.end(), is_empty),
          finds_,
          found_,
          announced_ && end_.is_idle(),
          !end_.is_written(),
          room_.taken()};
}

/// The open lanes, those whose turn is next first.
std::vector<LaneId> Lanes::in_turn() const {
  std::vector<LaneId> lanes = open_lanes();
  std::rotate(lanes.begin(), std::lower_bound(lanes.begin(), lanes.end(), next_lane_), lanes.end());
  return lanes;
}

/// The first lane in turn that is due.
std::optional<LaneId> Lanes::next_due(Clock::time_point now) const {
  for (const LaneId lane : in_turn()) {
    if (searches_.at(lane).rests_until() <= now && room_.limit(lane, now) > 0) return lane;
  }
  return std::nullopt;
}

bool Lanes::can_reserve(Clock::time_point now) const {
  const base::Lock lock(mutex_);
  return next_due(now).has_value();
}

Clock::time_point Lanes::next_look(Clock::time_point now) const {
  const base::Lock lock(mutex_);
  Clock::time_point next = now + unannounced_interval(poll_interval_);
  for (const LaneId lane : open_lanes()) {
    const Clock::time_point rests_until = searches_.at(lane).rests_until();
    next = std::min(next, rests_until > now ? rests_until : now + poll_interval_);
  }
  return next;
}

/// The first lane that is due decides which kind of claim it is.
std::vector<ClaimPlan> Lanes::reserve(Clock::time_point now) {
  const base::Lock lock(mutex_);
  std::vector<ClaimPlan> plans;
  const auto first = next_due(now);
  if (!first) return plans;
  const bool brief = room_.spec(*first).brief;
  for (const LaneId lane : in_turn()) {
    const LaneSpec& spec = room_.spec(lane);
    LaneSearch& search = searches_.at(lane);
    const int limit = spec.brief == brief && search.can_join(now) ? room_.limit(lane, now) : 0;
    if (limit == 0) continue;
    room_.begin_claim(lane, limit);
    plans.push_back(
        {lane, {claimed_types(lane), limit, search.begin(now), claim_bytes}, !brief, end_.begin_claim()});
    next_lane_ = lane + 1;
    if (plans.size() == store::max_lanes) break;
  }
  return plans;
}

void Lanes::on_claim(const std::vector<ClaimPlan>& plans, const store::Claimed& claimed, Clock::duration took,
                     Clock::time_point now) {
  const base::Lock lock(mutex_);
  std::vector<LaneSearch::Find> finds(plans.size());
  std::vector<std::int64_t> bytes(plans.size());
  for (const auto& [lane, job, unreadable] : claimed.jobs) {
    LaneSearch::Find& find = finds[lane];
    ++find.jobs;
    find.last_created_at = std::max(find.last_created_at.value_or(job.created_at), job.created_at);
    bytes[lane] += job.bytes;
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    room_.end_claim(plans[i].lane, plans[i].request.limit, finds[i].jobs, bytes[i], now);
    end_.end_claim(finds[i].jobs);
  }
  for (const store::ClaimedJob& one : claimed.jobs) room_.count(one.job.type, 1, one.job.bytes);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    finds[i].asked_at = claimed.asked_at;
    finds[i].took = took;
    finds[i].is_short = finds[i].jobs < plans[i].request.limit && !claimed.is_rivalled;
    end_search(plans[i], finds[i], bytes[i], now);
  }
}

void Lanes::end_search(const ClaimPlan& plan, LaneSearch::Find find, std::int64_t bytes,
                       Clock::time_point now) {
  if (find.jobs > 0) {
    ++finds_;
    found_ += find.jobs;
    found_at_ = now;
  }
  const bool is_full = bytes >= claim_bytes;
  if (is_full) invalidate_sweeps();  // rows that it locked and left looked taken to other claims
  find.is_short = find.is_short && !is_full;
  find.is_stale = end_.is_stale(plan.mark);
  find.is_invalid = end_.is_invalid(plan.mark);
  const auto search = searches_.find(plan.lane);
  if (search != searches_.end()) search->second.end(plan.request.cursor, find, longest_rest(now), now);
}

/// After a claim that came back short.
Clock::duration Lanes::longest_rest(Clock::time_point now) const {
  if (now - found_at_ < poll_interval_) return std::min<Clock::duration>(side_rest, poll_interval_);
  return announced_ ? unannounced_interval(poll_interval_) : poll_interval_;
}

void Lanes::on_claim_failure(const std::vector<ClaimPlan>& plans, Clock::time_point now) {
  const base::Lock lock(mutex_);
  for (const ClaimPlan& plan : plans) {
    room_.end_claim(plan.lane, plan.request.limit, 0, 0, now);
    end_.end_claim(0);
  }
  invalidate_sweeps();  // it may have locked rows for a while
}

void Lanes::on_return(const std::vector<job::Finished>& jobs, Clock::time_point now) {
  const base::Lock lock(mutex_);
  for (const auto& [job, outcome, role, host] : jobs) {
    if (outcome.result == job::Result::released && base::planted(base::Bug::room_leaks)) continue;
    room_.count(job.type, -1, -job.bytes);
    if (outcome.result == job::Result::released) {
      room_.refund();
    } else {
      room_.measure(job.type, outcome.duration, now);
    }
  }
}

void Lanes::on_recall(const std::vector<job::Finished>& jobs, Clock::duration waited, Clock::time_point now) {
  const base::Lock lock(mutex_);
  for (const job::Finished& one : jobs) room_.measure(one.job.type, waited, now, true);
}

void Lanes::on_commit(const std::string& type, int jobs) {
  const base::Lock lock(mutex_);
  room_.count(type, jobs, 0);
}

void Lanes::on_write(std::size_t outcomes, bool again) {
  const base::Lock lock(mutex_);
  end_.write(static_cast<std::int64_t>(outcomes));
  if (again) invalidate_sweeps();
}

void Lanes::on_give_back(const std::string& type, double created_at) {
  const base::Lock lock(mutex_);
  if (const auto lane = room_.lane_of(type)) searches_.at(*lane).go_back(created_at);
}

void Lanes::on_aside(int outcomes) {
  const base::Lock lock(mutex_);
  end_.write(outcomes);
}

/// Jobs that sweeps did not find, including those under way, may exist.
void Lanes::invalidate_sweeps() {
  end_.invalidate();
  for (auto& [lane, search] : searches_) search.invalidate();
}

bool Lanes::is_exhausted() const {
  const base::Lock lock(mutex_);
  const auto open = open_lanes();
  const auto is_empty = [this](LaneId lane) REQUIRES(mutex_) { return searches_.at(lane).is_empty(); };
  return end_.is_idle() && (room_.is_spent() || std::all_of(open.begin(), open.end(), is_empty));
}

}  // namespace sluice::engine
