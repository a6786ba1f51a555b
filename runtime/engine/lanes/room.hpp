// How many jobs may be in flight, lane by lane: slots, concurrency, a window that follows how long jobs take,
// bytes of payloads, and a budget for all lanes. Values alone: no mutex, no clock, no thread.
//
// A lane is a set of job types of one plugin that share room: all types of the plugin, except that a type
// with a concurrency of its own has its own lane. Jobs are counted by type, and a lane has what its types
// have.
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

/// The guide's batch: a claim takes as much where there is room.
inline constexpr int first_batch = 20;

/// For how long the local queue of a lane keeps its slots busy.
inline constexpr double queue_seconds = 0.2;

/// Slots, plus a local queue that keeps them busy for queue_seconds where a job takes `pace` seconds, so
/// that no handler waits for the database; 3,500 queued at most (a host has 4,096 tickets). Nothing is queued
/// before a job's duration is known (a negative pace), nor where jobs are slow: what waits here, another
/// runtime can't have, and a runtime that is lost has its attempt charged.
inline int window(int slots, double pace) {
  constexpr double longest_queue = 3500;
  if (slots <= 0) return 0;
  if (pace < 0) return slots;
  const double queue = slots * queue_seconds / std::max(pace, 1e-6);
  return slots + static_cast<int>(std::min(longest_queue, queue));
}

/// The most that one claim takes of a window: a quarter, so that the pumps take turns and the queue is topped
/// up before it runs dry; never less than the first batch.
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
  int concurrency = 0;  ///< most jobs in flight at once, 0: as many as slots and queue take
  bool brief = false;   ///< a repeat does no harm: its claims need not outlive a crash of the server
  bool at_most_once =
      false;  ///< claimed for idle slots alone: what is claimed and not started may not run again
};

class Room {
 public:
  Room(int batch_max, std::optional<std::int64_t> budget) : batch_max_(batch_max), budget_(budget) {}

  /// These lanes and no others. A lane with the same types as before, or with what else its plugin's types
  /// share, keeps what was measured. Returns those that are new or have other types.
  std::vector<LaneId> set_lanes(std::vector<LaneSpec> specs);
  /// None: the plugin will have no slots any more, and its lanes are closed.
  void set_slots(std::size_t plugin, std::optional<int> slots);

  std::vector<LaneId> open_lanes() const;
  bool has(LaneId lane) const { return lanes_.count(lane) > 0; }
  const LaneSpec& spec(LaneId lane) const { return lanes_.at(lane).spec; }
  /// None where no lane has the type.
  std::optional<LaneId> lane_of(const std::string& type) const;
  /// The budget is used up, by jobs or by claims under way.
  bool is_spent() const { return budget_ && *budget_ <= 0; }
  /// How many jobs a claim of the lane may take; 0 where they are too few to be worth a statement, too.
  int limit(LaneId lane, Clock::time_point now) const;

  /// A claim of the lane is under way, which brings `limit` jobs at most.
  void begin_claim(LaneId lane, int limit);
  /// It brought so many, with so many bytes of payload, which count() is told of next. The lane may be gone.
  void end_claim(LaneId lane, int limit, int jobs, std::int64_t bytes, Clock::time_point now);
  /// So many more jobs of `type`, or fewer, take room.
  void count(const std::string& type, int jobs, std::int64_t bytes);
  /// A job of `type` ran for `time`; or it only waited so long, which a job takes at least.
  void measure(const std::string& type, Clock::duration time, Clock::time_point now,
               bool only_waited = false);
  /// A job that was claimed never started: another one may be claimed for it.
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
    Clock::time_point ended_at{};  ///< when a job last came back, or the first of now was claimed

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
    double pace = -1;  ///< seconds that a job takes, smoothed; negative: not known
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
