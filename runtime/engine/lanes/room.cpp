#include "engine/lanes/room.hpp"

#include <algorithm>
#include <utility>

#include "base/planted.hpp"

namespace sluice::engine {

namespace {

/// A lane's slowest type is forgotten if none of its jobs has ended for this long.
constexpr std::chrono::seconds pace_memory{5};

double seconds_of(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

/// A job of one of the lane's types ended; jobs of that type take `type_pace` seconds each.
void Room::Lane::measure(double type_pace, Clock::time_point now) {
  ended_at = now;
  if (type_pace < pace && now - paced_at < pace_memory) return;
  pace = type_pace;
  paced_at = now;
}

/// A lane whose jobs run without ending is slow, whatever was measured before. If nothing was measured, their
/// time counts only when it is so long that the lane would get no queue, because it has none before the first
/// end.
double Room::Lane::pace_now(Clock::time_point now) const {
  if (jobs == 0 || now <= ended_at) return pace;
  const double unended = seconds_of(now - ended_at);
  return pace < 0 && unended <= slots * queue_seconds ? pace : std::max(pace, unended);
}

int Room::Lane::window(Clock::time_point now) const {
  const int open = engine::window(slots, pace_now(now));
  return spec.concurrency > 0 ? std::min(open, spec.concurrency) : open;
}

/// The lane has no queue, because each of its jobs occupies a slot for long.
bool Room::Lane::is_queueless(Clock::time_point now) const {
  return spec.at_most_once || (pace_now(now) >= 0 && window(now) <= slots);
}

std::vector<LaneId> Room::set_lanes(std::vector<LaneSpec> specs) {
  auto before = std::exchange(lanes_, {});
  std::vector<LaneId> changed;
  const auto keep = [&](LaneSpec& spec, auto is_same) {
    const auto lane = std::find_if(before.begin(), before.end(),
                                   [&](const auto& one) { return is_same(one.second.spec, spec); });
    if (lane == before.end()) return false;
    if (lane->second.spec.types != spec.types) changed.push_back(lane->first);
    lane->second.spec = std::move(spec);
    lane->second.closed = false;
    lanes_.insert(before.extract(lane));
    return true;
  };
  const auto has_same_types = [](const LaneSpec& one, const LaneSpec& other) {
    return one.types == other.types;
  };
  const auto is_shared = [](const LaneSpec& one, const LaneSpec& other) {
    return one.plugin == other.plugin && one.concurrency == 0 && other.concurrency == 0;
  };
  for (LaneSpec& spec : specs) std::sort(spec.types.begin(), spec.types.end());
  std::erase_if(specs, [&](LaneSpec& spec) { return keep(spec, has_same_types); });
  std::erase_if(specs, [&](LaneSpec& spec) { return keep(spec, is_shared); });
  for (LaneSpec& spec : specs) {
    lanes_[++last_id_].spec = std::move(spec);
    changed.push_back(last_id_);
  }
  count_types();
  return changed;
}

/// Counts all jobs in flight in the lanes that have their types now.
void Room::count_types() {
  for (auto& [name, type] : types_) type.lane = nullptr;
  for (auto& [id, lane] : lanes_) {
    lane.jobs = 0;
    lane.bytes = 0;
    for (const std::string& name : lane.spec.types) {
      Type& type = types_[name];
      type.lane = &lane;
      lane.jobs += type.jobs;
      lane.bytes += type.bytes;
    }
  }
}

std::optional<LaneId> Room::lane_of(const std::string& type) const {
  for (const auto& [id, lane] : lanes_) {
    const auto& types = lane.spec.types;
    if (std::find(types.begin(), types.end(), type) != types.end()) return id;
  }
  return std::nullopt;
}

void Room::set_slots(std::size_t plugin, std::optional<int> slots) {
  for (auto& [id, lane] : lanes_) {
    if (lane.spec.plugin != plugin) continue;
    const bool stay_gone =
        base::planted(base::Bug::slots_stay_gone) && lane.slots == 0 && lane.paced_at != Clock::time_point{};
    lane.slots = stay_gone ? 0 : slots.value_or(0);
    lane.closed = lane.closed || !slots;
  }
}

std::vector<LaneId> Room::open_lanes() const {
  std::vector<LaneId> open;
  for (const auto& [id, lane] : lanes_) {
    if (!lane.closed) open.push_back(id);
  }
  return open;
}

/// How many more jobs the lane may have in the hosts. The slow jobs of all lanes of a plugin together get no
/// more than its slots, because they would otherwise wait in the hosts.
int Room::free(const Lane& lane, Clock::time_point now) const {
  const int open = lane.window(now) - lane.in_flight();
  if (open <= 0 || !lane.is_queueless(now)) return open;
  int slow = 0;
  for (const auto& [id, other] : lanes_) {
    if (other.spec.plugin == lane.spec.plugin && other.is_queueless(now)) slow += other.in_flight();
  }
  return std::min(open, lane.slots - slow);
}

int Room::taken() const {
  int jobs = 0;
  for (const auto& [name, type] : types_) jobs += type.jobs;
  return jobs;
}

int Room::limit(LaneId id, Clock::time_point now) const {
  const Lane& lane = lanes_.at(id);
  if (lane.closed) return 0;
  const int window = lane.window(now), free = this->free(lane, now);
  // A large part of the window must be free, so that each batch is worth its statement.
  const int worthwhile = lane.is_queueless(now) ? 1 : std::max(1, std::min(window / 4, batch_max_));
  if (free < worthwhile) return 0;
  std::int64_t most = std::min({free, share_of(window), batch_max_});
  if (budget_) most = std::min(most, *budget_);
  // A statement locks all rows that it reads, so it should not read many more than it can take.
  if (lane.mean_bytes > 0)
    most = std::min(most, std::max<std::int64_t>(1, 2 * claim_bytes / lane.mean_bytes));
  if (!lane.has_byte_room()) most = std::min<std::int64_t>(most, lane.slots - lane.in_flight());
  return static_cast<int>(std::max<std::int64_t>(0, most));
}

void Room::begin_claim(LaneId id, int limit) {
  Lane& lane = lanes_.at(id);
  ++lane.claims;
  lane.reserved += limit;
  if (budget_) *budget_ -= limit;
}

void Room::end_claim(LaneId id, int limit, int jobs, std::int64_t bytes, Clock::time_point now) {
  if (budget_) *budget_ += limit - jobs;
  const auto found = lanes_.find(id);
  if (found == lanes_.end()) return;
  Lane& lane = found->second;
  --lane.claims;
  lane.reserved -= limit;
  if (lane.jobs == 0) lane.ended_at = now;
  if (jobs > 0) lane.mean_bytes = bytes / jobs;
}

void Room::count(const std::string& name, int jobs, std::int64_t bytes) {
  Type& type = types_[name];
  type.jobs += jobs;
  type.bytes += bytes;
  if (type.lane == nullptr) return;
  type.lane->jobs += jobs;
  type.lane->bytes += bytes;
}

void Room::measure(const std::string& name, Clock::duration time, Clock::time_point now, bool only_waited) {
  Type& type = types_[name];
  const double seconds = only_waited ? std::max(type.pace, seconds_of(time)) : seconds_of(time);
  type.pace = type.pace < 0 ? seconds : (type.pace + seconds) / 2;
  if (type.lane != nullptr) type.lane->measure(type.pace, now);
}

void Room::refund() {
  if (budget_) ++*budget_;
}

}  // namespace sluice::engine
