// How many jobs of a lane may be with the plugin hosts at once: a pure function of values.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::engine {

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
/// takes of it: both but for one payload more, which may be of any size. They bound the memory of hosts and
/// runtime where payloads are large.
inline constexpr std::int64_t window_bytes = 16 * 1024 * 1024;
inline constexpr std::int64_t claim_bytes = window_bytes / 4;

}  // namespace sluice::engine
