// Which jobs may be claimed now: how much room each lane has (Room), where in the table its next claim begins
// (LaneSearch), and whether anything is left (DrainEnd). Lanes take turns; those that rest take part in the
// claims of others. A rest is short while jobs keep coming, and up to the poll interval when they do not.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "engine/clock.hpp"
#include "engine/lanes/drain_end.hpp"
#include "engine/lanes/lane_search.hpp"
#include "engine/lanes/room.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// What a claim is to ask for one lane, whose room it has taken.
struct ClaimPlan {
  LaneId lane = 0;
  store::LaneRequest request;
  bool durable = true;  ///< the same for all of a claim
  DrainEnd::Mark mark;
};

/// How busy the lanes are, for WakePolicy.
struct Load {
  bool resting = false;    ///< a lane found fewer jobs than it has room for
  std::int64_t finds = 0;  ///< claims that brought jobs, since the beginning
  std::int64_t jobs = 0;   ///< that they brought
  bool idle = false;       ///< no job is under way, and new ones are announced
  bool at_work = false;    ///< a claimed job is not written yet
};

/// While new jobs are announced, what nobody announced is looked for 25 times less often than poll_interval
/// says, and every 5 s where that is more often.
constexpr std::chrono::microseconds unannounced_interval(std::chrono::microseconds poll_interval) {
  constexpr std::chrono::microseconds often_enough = std::chrono::seconds(5);
  return std::max(poll_interval, std::min(25 * poll_interval, often_enough));
}

/// All of its functions may be called by any thread.
class Lanes {
 public:
  /// `budget`: how many jobs may be claimed in all. `drain`: the end is waited for.
  Lanes(int batch_max, std::chrono::microseconds poll_interval, std::optional<std::int64_t> budget,
        bool drain);

  // As those of Room.
  void set_lanes(std::vector<LaneSpec> specs);
  void set_slots(std::size_t plugin, std::optional<int> slots);
  /// While jobs are being made pending behind the cursors, nothing is exhausted; afterwards, where there were
  /// `any`, the next claims look from the oldest row, at once.
  void begin_change();
  void end_change(bool any);
  /// Jobs were inserted: lanes that rest may claim at once.
  void wake();
  /// Whether wake() will be called for new jobs, so that it is enough to look for others now and then.
  void set_announced(bool announced);
  Load load() const;

  /// reserve() would return something.
  bool can_reserve(Clock::time_point now) const;
  /// When can_reserve() may become true by time alone.
  Clock::time_point next_look(Clock::time_point now) const;
  /// Takes room for a claim of up to store::max_lanes lanes, which are all brief or all not.
  std::vector<ClaimPlan> reserve(Clock::time_point now);
  /// What a claim brought for each plan, and how long the statement took.
  void on_claim(const std::vector<ClaimPlan>& plans, const store::Claimed& claimed, Clock::duration took,
                Clock::time_point now);
  /// The claim failed, and its room is free.
  void on_claim_failure(const std::vector<ClaimPlan>& plans, Clock::time_point now);

  /// Jobs left their plugin host. Those that were released never started.
  void on_return(const std::vector<job::Finished>& jobs, Clock::time_point now);
  /// Jobs waited in a plugin host for so long that they are given back; on_return() is told, too.
  void on_recall(const std::vector<job::Finished>& jobs, Clock::duration waited, Clock::time_point now);
  /// So many more jobs of `type`, or fewer, are with the committer: they take room of their lane all the
  /// same.
  void on_commit(const std::string& type, int jobs);
  /// So many outcomes are written, or never will be. `again`: a job is pending once more, or one that was
  /// asked for.
  void on_write(std::size_t outcomes, bool again);
  /// A job of `type` that was created at `created_at` was given back.
  void on_give_back(const std::string& type, double created_at);
  /// So many more outcomes, or fewer, can't be written for now: nothing waits for them.
  void on_aside(int outcomes);

  /// Nothing is due and nothing is under way: a sweep of each open lane came back short after the
  /// last change, no outcome is unwritten; or the budget is used up. What `drain` waits for.
  bool is_exhausted() const;

 private:
  std::vector<LaneId> in_turn() const REQUIRES(mutex_);
  std::optional<LaneId> next_due(Clock::time_point now) const REQUIRES(mutex_);
  void end_search(const ClaimPlan& plan, LaneSearch::Find find, std::int64_t bytes, Clock::time_point now)
      REQUIRES(mutex_);
  Clock::duration longest_rest(Clock::time_point now) const REQUIRES(mutex_);
  void invalidate_sweeps() REQUIRES(mutex_);

  // constant
  const std::chrono::microseconds poll_interval_;
  const bool drain_;

  mutable base::Mutex mutex_;
  Room room_ GUARDED_BY(mutex_);
  std::map<LaneId, LaneSearch> searches_ GUARDED_BY(mutex_);
  DrainEnd end_ GUARDED_BY(mutex_);
  bool announced_ GUARDED_BY(mutex_) = false;
  std::int64_t finds_ GUARDED_BY(mutex_) = 0;        // claims that brought jobs
  std::int64_t found_ GUARDED_BY(mutex_) = 0;        // jobs that they brought
  Clock::time_point found_at_ GUARDED_BY(mutex_){};  // when one last did
  LaneId next_lane_ GUARDED_BY(mutex_) = 0;  // where reserve() goes on, so that each lane has its turn
};

}  // namespace sluice::engine
