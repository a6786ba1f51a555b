// Where in the table the next claim of a lane starts, and when. Only values: no mutex, no clock, no thread.
//
// The cursor is the "createdAt" of the last claimed row. After a claim that came back short, it is one second
// before that claim, so rows that wait for others are not read again. It is never within a tenth of a second
// of the last claim, so transactions that began at about the same time may end in any order. Late commits,
// retries and slow clocks put rows behind the cursor. Therefore the lane starts over from the oldest row (a
// sweep) whenever a sweep is due. Sweeps are spaced so that they take at most a twentieth of the time, but at
// most 10 s apart. While jobs keep coming, slow sweeps take less of the time, so that one may follow as soon
// as no more jobs come. A lane whose claim comes back short rests, longer each time.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/clock.hpp"

namespace sluice::engine {

/// The shortest rest of a lane, which applies while jobs keep coming.
inline constexpr std::chrono::milliseconds shortest_rest{5};

class LaneSearch {
 public:
  /// What a claim found.
  struct Find {
    int jobs = 0;
    bool is_short = false;    ///< there were no more jobs, though it had room for them
    bool is_stale = false;    ///< jobs came while the statement ran, and it may not have seen them
    bool is_invalid = false;  ///< it may have missed rows for another reason
    std::optional<double> last_created_at;
    double asked_at = 0;  ///< as in store::Claimed
    Clock::duration took{};
  };

  /// While a claim sweeps, the next ones do not, for `poll_interval`. A `drain` skips no sweep, because it
  /// can't end before a sweep came back short.
  LaneSearch(Clock::duration poll_interval, bool drain) : poll_interval_(poll_interval), drain_(drain) {}

  /// When the lane's next claim may be made.
  Clock::time_point rests_until() const { return rests_until_; }
  /// It takes part in a claim for other lanes, even while it rests.
  bool can_join(Clock::time_point now) const {
    return rests_until_ <= now || asked_at_ + shortest_rest <= now;
  }
  /// The last sweep came back short, and nothing since then suggests that it missed a row.
  bool is_empty() const { return is_empty_; }

  /// A claim is made from this cursor on; nullopt: from the oldest row.
  std::optional<double> begin(Clock::time_point now);
  /// The claim that began at `cursor` is over; the lane rests for at most `longest_rest`.
  void end(const std::optional<double>& cursor, const Find& find, Clock::duration longest_rest,
           Clock::time_point now);

  /// There are new jobs.
  void wake();
  /// There are jobs behind the cursor.
  void restart();
  /// A job that was created at `created_at` is pending again.
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
  Clock::duration credit_{};       // time that sweeps may take, as of credit_at_; negative: a debt
  Clock::time_point credit_at_{};  // the end of the last sweep
  bool is_slow_ = false;           // the last sweep was
  Clock::time_point rests_until_{};
  Clock::duration rest_{};        // the length of the last rest
  Clock::time_point asked_at_{};  // the end of the last claim
  bool is_empty_ = false;
  bool is_restarted_ = false;  // since the last claim began, so the place that it reached means nothing
};

}  // namespace sluice::engine
