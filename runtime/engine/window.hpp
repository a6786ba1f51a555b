// How many jobs of a lane may be with the plugin hosts at once: a pure function of values.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::engine {

/// The guide's batch, with which a lane begins before anything is known of its jobs' speed.
inline constexpr int first_batch = 20;

/// For how long the local queue of a lane keeps its slots busy. Rows of brief jobs are locked meanwhile.
inline constexpr double queue_seconds = 0.2;
inline constexpr double brief_queue_seconds = 0.05;

/// Slots plus a local queue that keeps them busy for so many `seconds` at `jobs_per_second`, the measured
/// rate, so that no handler waits for the database; at least one job per slot, at most 3,500 (a host has
/// 4,096 tickets). Before the first measurement (negative) slots and queue hold the first batch.
inline int window(int slots, double jobs_per_second, double seconds = queue_seconds) {
  constexpr double longest_queue = 3500;
  if (slots <= 0) return 0;
  if (jobs_per_second < 0) return std::max(first_batch, 2 * slots);
  return slots + std::max(slots, static_cast<int>(std::min(longest_queue, jobs_per_second * seconds)));
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
