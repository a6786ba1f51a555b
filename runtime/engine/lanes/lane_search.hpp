// Where in the table the next claim of a lane begins, and when. Values alone: no mutex, no clock, no thread.
//
// The cursor is the "createdAt" of the last row claimed, or, after a claim that came back short, a second
// before that claim: what waits for others is not walked over again. It is never within a tenth of a second
// of the last claim, so that transactions which began at about the same time may end in any order. Late
// commits, retries and slow clocks put rows behind it, so that the lane starts over from the oldest row (a
// sweep) whenever a sweep is due; dues are spaced so that sweeps take a twentieth of the time at most, and 10
// s at most; while jobs keep coming, slow ones take less, so that one may follow as soon as they end. A lane
// whose claim comes back short rests, longer each time.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/clock.hpp"

namespace sluice::engine {

/// A lane rests for so long at least, which is while jobs keep coming.
inline constexpr std::chrono::milliseconds shortest_rest{5};

class LaneSearch {
 public:
  /// What a claim found.
  struct Find {
    int jobs = 0;
    bool is_short = false;    ///< no more were there, though it had room for them
    bool is_stale = false;    ///< jobs came while the statement ran, which may not have seen them
    bool is_invalid = false;  ///< it may have missed rows for another reason
    std::optional<double> last_created_at;
    double asked_at = 0;  ///< as in store::Claimed
    Clock::duration took{};
  };

  /// While a claim sweeps, the next ones do not, for `poll_interval`. A `drain` can't end before a sweep came
  /// back short, and spares none.
  LaneSearch(Clock::duration poll_interval, bool drain) : poll_interval_(poll_interval), drain_(drain) {}

  /// No claim is made for the lane before.
  Clock::time_point rests_until() const { return rests_until_; }
  /// It takes part in a claim for other lanes, even while it rests.
  bool can_join(Clock::time_point now) const {
    return rests_until_ <= now || asked_at_ + shortest_rest <= now;
  }
  /// The last sweep came back short, and nothing says since that it missed a row.
  bool is_empty() const { return is_empty_; }

  /// A claim is made, from this cursor on; none: from the oldest row.
  std::optional<double> begin(Clock::time_point now);
  /// The claim is over that began at `cursor`; the lane rests for `longest_rest` at most.
  void end(const std::optional<double>& cursor, const Find& find, Clock::duration longest_rest,
           Clock::time_point now);

  /// There are new jobs.
  void wake();
  /// There are jobs behind the cursor.
  void restart();
  /// There is a job again that was created at `created_at`.
  void go_back(double created_at);
  /// The lane has other types now.
  void forget();
  /// The last sweep may have missed rows.
  void invalidate() { is_empty_ = false; }

 private:
  void advance(double created_at) {
    if (!is_restarted_) cursor_ = std::max(cursor_.value_or(-HUGE_VAL), created_at);
  }
  void charge_sweep(Clock::duration took, Clock::time_point now);
  void hasten_sweep(Clock::time_point now);

  // constant
  Clock::duration poll_interval_;
  bool drain_;

  std::optional<double> cursor_;
  Clock::time_point sweep_due_{};
  Clock::duration credit_{};       // of the time that sweeps may take, at credit_at_; negative: a debt
  Clock::time_point credit_at_{};  // the end of the last sweep
  bool is_slow_ = false;           // the last sweep was
  Clock::time_point rests_until_{};
  Clock::duration rest_{};        // the last one's length
  Clock::time_point asked_at_{};  // the end of the last claim
  bool is_empty_ = false;
  bool is_restarted_ = false;  // since the last claim began: where that got to means nothing
};

}  // namespace sluice::engine
