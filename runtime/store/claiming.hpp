// Claims jobs, and listens for new ones.
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

/// What one claim may take for one lane, which is a set of job types that share room.
struct LaneRequest {
  std::vector<std::string> types;
  int limit = 0;
  /// Only rows whose "createdAt" is at or after it are read, in seconds since 1970; nullopt: from the oldest.
  /// It saves walking over dead index entries, and is only a hint.
  std::optional<double> cursor;
  /// A row is taken while the payloads of those before it are together shorter than this, so at least one row
  /// is.
  std::int64_t bytes = std::numeric_limits<std::int64_t>::max();
};

inline constexpr std::size_t max_lanes = 8;

/// How many seconds producers' clocks may be slow and their commits late, as far as cursors are concerned.
inline constexpr double clock_slack = 1;

struct ClaimedJob {
  std::size_t lane = 0;  ///< index into the requested lanes
  job::Job job;
  bool unreadable = false;  ///< its id or payload is not UTF-8, in a database without an encoding
};

struct Claimed {
  std::int64_t claim = 0;        ///< 0 if nothing was claimed
  double asked_at = 0;           ///< when the store looked, by its clock, in seconds since 1970
  std::vector<ClaimedJob> jobs;  ///< oldest first within a lane
  /// Other claims took rows that this claim had chosen. So fewer rows than requested do not mean that there
  /// are no more.
  bool is_rivalled = false;
};

/// Claims jobs for one pump of one runtime, and waits for new ones. Used by one thread, except for
/// interrupt().
class ClaimSession {
 public:
  virtual ~ClaimSession() = default;

  /// For each lane, at most max_lanes, claims the oldest pending rows of its types that no claim names, and
  /// records them as one claim. The rows are not written: they stay pending until FinishSession marks or
  /// finishes them, unless the store was told to mark them at once. `durable`: the claim survives a crash of
  /// the server after the answer. Throws Fenced if the runtime is no longer enlisted.
  virtual Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) = 0;

  /// After Unavailable: ends those claims of this pump that are not in `known`. If they are newer than
  /// `newest`, the newest one whose answer arrived, the answer to their statement was lost, and their jobs
  /// are given back. The others had been ended, and the server lost that: see FinishSession::surrender.
  virtual void reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) = 0;

  /// Claims under this id from now on.
  virtual void use(RuntimeId runtime) = 0;

  /// Producers notify while any runtime wants to be woken. Returns false if notifications do not arrive,
  /// because the trigger is missing or the session can't listen. Throws HeldUp if the record of this is
  /// locked.
  virtual bool want(bool wanted) = 0;
  /// Waits until jobs were inserted, until `end`, or for interrupt(), which may have been called before.
  /// Returns how many times jobs were inserted and committed since the last call. Those that were inserted
  /// before producers knew of want() don't count. Without a connection it waits nevertheless.
  virtual std::int64_t wait(base::Clock::time_point end) = 0;
  /// Ends one wait(). [any-thread]
  virtual void interrupt() = 0;
};

}  // namespace sluice::store
