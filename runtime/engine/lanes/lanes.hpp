// Which jobs may be claimed now: how much room each lane has (Room), where in the table its next claim begins
// (LaneSearch), and whether anything is left (DrainEnd). Lanes take turns. Resting lanes take part in the
// claims of others. A rest is short while jobs keep coming, and up to the poll interval otherwise.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "engine/clock.hpp"
#include "engine/lanes/drain_end.hpp"
#include "engine/lanes/lane_search.hpp"
#include "engine/lanes/room.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// One lane's part of a claim, for which room is reserved.
struct ClaimPlan {
  LaneId lane = 0;
  store::LaneRequest request;
  bool durable = true;  ///< the same for all lanes of a claim
  DrainEnd::Mark mark;
};

/// How busy the lanes are, for WakePolicy.
struct Load {
  bool resting = false;    ///< a lane found fewer jobs than it has room for
  std::int64_t finds = 0;  ///< claims that brought jobs, since the beginning
  std::int64_t jobs = 0;   ///< jobs that they brought
  bool idle = false;       ///< no job is under way, and new jobs are announced
  bool at_work = false;    ///< the outcome of a claimed job is not written yet
  int taken = 0;           ///< jobs that take room
};

/// While new jobs are announced, unannounced ones are looked for 25 times less often than poll_interval says,
/// but at least every 5 s.
constexpr std::chrono::microseconds unannounced_interval(std::chrono::microseconds poll_interval) {
  constexpr std::chrono::microseconds often_enough = std::chrono::seconds(5);
  return std::max(poll_interval, std::min(25 * poll_interval, often_enough));
}

/// Any thread may call any of its functions.
class Lanes {
 public:
  /// `budget`: how many jobs may be claimed in all. `drain`: somebody waits for the end.
  Lanes(int batch_max, std::chrono::microseconds poll_interval, std::optional<std::int64_t> budget,
        bool drain);

  // See Room.
  void set_lanes(std::vector<LaneSpec> specs);
  void set_slots(std::size_t plugin, std::optional<int> slots);
  /// No jobs of these types are claimed. Returns false if they were paused before, and no others.
  bool set_paused(std::set<std::string> types);
  /// While jobs are being made pending behind the cursors, nothing is exhausted. Afterwards, if there were
  /// `any`, the next claims start at the oldest row, at once.
  void begin_change();
  void end_change(bool any);
  /// Jobs were inserted, so resting lanes may claim at once.
  void wake();
  /// Whether wake() is called for new jobs. Then it is enough to look for others occasionally.
  void set_announced(bool announced);
  Load load() const;

  /// Whether reserve() would return something.
  bool can_reserve(Clock::time_point now) const;
  /// When can_reserve() may become true because time passes.
  Clock::time_point next_look(Clock::time_point now) const;
  /// Reserves room for a claim of up to store::max_lanes lanes, which are either all brief or all not.
  std::vector<ClaimPlan> reserve(Clock::time_point now);
  /// What a claim brought for each plan, and how long the statement took.
  void on_claim(const std::vector<ClaimPlan>& plans, const store::Claimed& claimed, Clock::duration took,
                Clock::time_point now);
  /// The claim failed; its room is freed.
  void on_claim_failure(const std::vector<ClaimPlan>& plans, Clock::time_point now);

  /// Jobs left their plugin host. Released ones never started.
  void on_return(const std::vector<job::Finished>& jobs, Clock::time_point now);
  /// Jobs waited so long in a plugin host that they are given back. on_return() is called for them too.
  void on_recall(const std::vector<job::Finished>& jobs, Clock::duration waited, Clock::time_point now);
  /// This many more jobs of `type`, or fewer, are with the committer. They still take room of their lane.
  void on_commit(const std::string& type, int jobs);
  /// This many outcomes are written, or never will be. `again`: a job is pending again, or a follow-up job
  /// was added.
  void on_write(std::size_t outcomes, bool again);
  /// A job of `type` that was created at `created_at` was given back.
  void on_give_back(const std::string& type, double created_at);
  /// This many more outcomes, or fewer, can't be written for now, and nothing waits for them.
  void on_aside(int outcomes);

  /// No job is due and none is under way: either a sweep of each open lane came back short after the last
  /// change and every outcome is written, or the budget is used up. `drain` waits for this.
  bool is_exhausted() const;

 private:
  bool is_paused(const std::string& type) const REQUIRES(mutex_) { return paused_.contains(type); }
  std::vector<LaneId> open_lanes() const REQUIRES(mutex_);
  std::vector<std::string> claimed_types(LaneId lane) const REQUIRES(mutex_);
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
  std::set<std::string> paused_ GUARDED_BY(mutex_);  // types
  DrainEnd end_ GUARDED_BY(mutex_);
  bool announced_ GUARDED_BY(mutex_) = false;
  std::int64_t finds_ GUARDED_BY(mutex_) = 0;        // claims that brought jobs
  std::int64_t found_ GUARDED_BY(mutex_) = 0;        // jobs that they brought
  Clock::time_point found_at_ GUARDED_BY(mutex_){};  // when one last brought jobs
  LaneId next_lane_ GUARDED_BY(mutex_) = 0;  // where reserve() continues, so that each lane gets its turn
};

}  // namespace sluice::engine
