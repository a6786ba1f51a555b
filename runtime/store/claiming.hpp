// Claims jobs, and hears of new ones.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "job/job.hpp"

namespace sluice::store {

/// One running runtime, a row of sluice.runtime.
using RuntimeId = std::int64_t;

/// What one claim may take for one lane: a set of job types that share room.
struct LaneRequest {
  std::vector<std::string> types;
  int limit = 0;
  /// Only rows with "createdAt" at or after it are looked at, in seconds since 1970; none: from the
  /// oldest. It saves walking over dead index entries and is a hint only.
  std::optional<double> cursor;
  /// A row is taken while the payloads of those before it are shorter than this together: at least one is.
  std::int64_t bytes = std::numeric_limits<std::int64_t>::max();
};

inline constexpr std::size_t max_lanes = 8;

/// Seconds by which producers' clocks may be slow and their commits late, as far as cursors go.
inline constexpr double clock_slack = 1;

struct ClaimedJob {
  std::size_t lane = 0;  ///< index into the lanes asked for
  job::Job job;
  bool unreadable = false;  ///< its id or payload is not UTF-8: in a database that has no encoding
};

struct Claimed {
  std::int64_t claim = 0;        ///< 0 when nothing was claimed
  double asked_at = 0;           ///< when the store looked, by its clock, in seconds since 1970
  std::vector<ClaimedJob> jobs;  ///< oldest first within a lane
  /// Others claimed rows that this claim had chosen: fewer than asked for does not mean that no more are
  /// there.
  bool is_rivalled = false;
};

/// Claims jobs for one pump of one runtime, and waits for new ones. Used by one thread, but for interrupt().
class ClaimSession {
 public:
  virtual ~ClaimSession() = default;

  /// Claims for each lane, at most max_lanes, the oldest pending rows of its types that no claim names, and
  /// records them as one claim. The rows are not written: they stay pending until FinishSession marks or
  /// finishes them, unless the store was told to mark them at once. `durable`: the claim outlives a crash of
  /// the server that comes after the answer. Throws Fenced when the runtime is no longer enlisted.
  virtual Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) = 0;

  /// After Unavailable: gives back the jobs of this pump's claims that are not in `known`, which were claimed
  /// by a statement whose answer was lost.
  virtual void reconcile(const std::vector<std::int64_t>& known) = 0;

  /// Claims under this id from now on.
  virtual void use(RuntimeId runtime) = 0;

  /// Producers notify while any runtime wants to be woken; false where nothing is heard of it: the trigger is
  /// missing, or the session can't listen. Throws HeldUp where somebody has locked what says so.
  virtual bool want(bool wanted) = 0;
  /// Waits until jobs were inserted, until `end`, or for interrupt(), which may have been called before. How
  /// many times some were inserted and committed since the last call; those inserted before producers knew of
  /// want() don't count. Without a connection it waits all the same.
  virtual std::int64_t wait(base::Clock::time_point end) = 0;
  /// Ends wait() once. [any-thread]
  virtual void interrupt() = 0;
};

}  // namespace sluice::store
