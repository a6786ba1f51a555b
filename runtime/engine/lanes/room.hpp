// How many jobs may be in flight, lane by lane: slots, concurrency, a window that depends on how long jobs
// take, bytes of payloads, and a budget for all lanes. Only values: no mutex, no clock, no thread.
//
// A lane is a set of job types of one plugin that share room: all types of the plugin, except that a type
// with its own concurrency has its own lane. Jobs are counted by type; a lane's count is the sum of its
// types.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/clock.hpp"

namespace sluice::engine {

using LaneId = std::uint64_t;  ///< never used again

/// The batch of the guide. A claim takes this many jobs if there is room.
inline constexpr int first_batch = 20;

/// How long the local queue of a lane can keep its slots busy.
inline constexpr double queue_seconds = 0.2;

/// The slots, plus a local queue that keeps them busy for queue_seconds if a job takes `pace` seconds, so
/// that handlers do not wait for the database. At most 3,500 are queued (a host has 4,096 tickets). Nothing
/// is queued before a job's duration is known (a negative pace), or if jobs are slow, because other runtimes
/// can't run jobs that wait here, and if this runtime is lost, each of them is charged an attempt.
inline int window(int slots, double pace) {
  constexpr double longest_queue = 3500;
  if (slots <= 0) return 0;
  if (pace < 0) return slots;
  const double queue = slots * queue_seconds / std::max(pace, 1e-6);
  return slots + static_cast<int>(std::min(longest_queue, queue));
}

/// The most that one claim takes of a window: a quarter, so that the pumps take turns and the queue is
/// refilled before it runs dry, but at least the first batch.
inline int share_of(int window) {
  return std::max(first_batch, window / 4);
}

/// The payloads of one lane that may wait in the plugin hosts' queues at once, in bytes, and what one claim
/// takes of it. One payload, of any size, may exceed each. They bound the memory of hosts and runtime where
/// payloads are large.
inline constexpr std::int64_t window_bytes = 16 * 1024 * 1024;
inline constexpr std::int64_t claim_bytes = window_bytes / 4;

struct LaneSpec {
  std::size_t plugin = 0;
  std::vector<std::string> types;
  int concurrency = 0;  ///< most jobs in flight at once; 0: as many as slots and queue take
  bool brief = false;   ///< a repeat does no harm, so its claims need not survive a crash of the server
  bool at_most_once =
      false;  ///< claimed for idle slots only, because a claimed job that has not started may not run again
};

class Room {
 public:
  Room(int batch_max, std::optional<std::int64_t> budget) : batch_max_(batch_max), budget_(budget) {}

  /// Sets the lanes. A lane with the same types as before, and a plugin's lane without a concurrency, keep
  /// their measurements. Returns the lanes that are new or have other types.
  std::vector<LaneId> set_lanes(std::vector<LaneSpec> specs);
  /// None: the plugin will never have slots again, and its lanes are closed.
  void set_slots(std::size_t plugin, std::optional<int> slots);

  std::vector<LaneId> open_lanes() const;
  bool has(LaneId lane) const { return lanes_.count(lane) > 0; }
  const LaneSpec& spec(LaneId lane) const { return lanes_.at(lane).spec; }
  /// Nullopt if no lane has the type.
  std::optional<LaneId> lane_of(const std::string& type) const;
  /// How many jobs take room, of all lanes.
  int taken() const;
  /// The budget is used up by jobs or by claims under way.
  bool is_spent() const { return budget_ && *budget_ <= 0; }
  /// How many jobs a claim of the lane may take; 0 also if they are too few to be worth a statement.
  int limit(LaneId lane, Clock::time_point now) const;

  /// A claim of the lane is under way and brings at most `limit` jobs.
  void begin_claim(LaneId lane, int limit);
  /// The claim brought this many jobs, with this many bytes of payload. count() is called for them next. The
  /// lane may be gone.
  void end_claim(LaneId lane, int limit, int jobs, std::int64_t bytes, Clock::time_point now);
  /// This many more jobs of `type`, or fewer, take room.
  void count(const std::string& type, int jobs, std::int64_t bytes);
  /// A job of `type` ran for `time`, or has waited for so long, which is then the least that a job takes.
  void measure(const std::string& type, Clock::duration time, Clock::time_point now,
               bool only_waited = false);
  /// A claimed job never started, so another one may be claimed for it.
  void refund();

 private:
  struct Lane {
    LaneSpec spec;
    bool closed = false;
    int slots = 0;
    int claims = 0;                ///< under way
    int reserved = 0;              ///< jobs that they may bring
    int jobs = 0;                  ///< claimed and not returned, like the next
    std::int64_t bytes = 0;        ///< of their payloads
    std::int64_t mean_bytes = 0;   ///< of the payloads of the last claim
    double pace = -1;              ///< seconds, of its slowest recent type; negative: not measured yet
    Clock::time_point paced_at{};  ///< when a job of that type last ended
    Clock::time_point ended_at{};  ///< when a job last came back, or the first present one was claimed

    void measure(double type_pace, Clock::time_point now);
    double pace_now(Clock::time_point now) const;
    int window(Clock::time_point now) const;
    bool is_queueless(Clock::time_point now) const;
    int in_flight() const { return reserved + jobs; }
    bool has_byte_room() const { return bytes + (claims + 1) * claim_bytes <= window_bytes; }
  };
  /// The jobs of one type that are in flight, whether or not it is in a lane.
  struct Type {
    Lane* lane = nullptr;
    int jobs = 0;
    std::int64_t bytes = 0;
    double pace = -1;  ///< seconds that a job takes, smoothed; negative: unknown
  };

  void count_types();
  int free(const Lane& lane, Clock::time_point now) const;

  const int batch_max_;

  std::optional<std::int64_t> budget_;  // jobs that may still be claimed
  std::map<LaneId, Lane> lanes_;
  LaneId last_id_ = 0;
  std::map<std::string, Type> types_;
};

}  // namespace sluice::engine
