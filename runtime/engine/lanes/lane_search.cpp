#include "engine/lanes/lane_search.hpp"

#include "base/planted.hpp"
#include "store/store.hpp"

namespace sluice::engine {

namespace {

constexpr int sweep_share = 20;  // a sweep may take 1/20 of the time
/// While a lane is busy, slow sweeps take a smaller share, but are at most 5 s apart. So the lane may sweep
/// as soon as it runs dry.
constexpr std::chrono::milliseconds slow_sweep{20};
constexpr int busy_sweep_share = 60;
constexpr std::chrono::seconds slow_sweep_pause{5};
constexpr std::chrono::milliseconds most_credit{250};
constexpr std::chrono::seconds longest_pause{10};  // however slow sweeps are
/// In seconds. Transactions that began earlier than the last row's may commit this much later.
constexpr double commit_slack = 0.1;
/// In seconds: the precision that "createdAt" loses on its way here and back.
constexpr double rounding = 1e-5;

Clock::duration sweep_pause(Clock::duration took) {
  const Clock::duration pause = std::clamp<Clock::duration>(took * sweep_share, shortest_rest, longest_pause);
  if (took < slow_sweep) return pause;
  return std::max(pause, std::min<Clock::duration>(took * busy_sweep_share, slow_sweep_pause));
}

}  // namespace

std::optional<double> LaneSearch::begin(Clock::time_point now) {
  if (sweep_due_ <= now && !base::planted(base::Bug::cursor_never_swept)) cursor_.reset();
  if (!cursor_) sweep_due_ = now + poll_interval_;
  is_restarted_ = false;
  rests_until_ = now;  // the other pump may claim at the same time, and rows that it locks are skipped
  return cursor_;
}

void LaneSearch::end(const std::optional<double>& cursor, const Find& find, Clock::duration longest_rest,
                     Clock::time_point now) {
  const bool sweep = !cursor;
  asked_at_ = now;
  if (sweep) charge_sweep(find.took, now);
  if (find.jobs > 0) rest_ = {};
  if (find.last_created_at) advance(std::min(*find.last_created_at, find.asked_at - commit_slack));
  is_empty_ = find.is_short && (sweep || is_empty_) && !find.is_invalid && !find.is_stale;
  if (!find.is_short) return;
  if (!sweep) hasten_sweep(now);
  advance(find.asked_at - store::clock_slack);
  if (find.is_stale) {
    rest_ = {};
    rests_until_ = now;
    return;
  }
  rest_ = std::min(std::max<Clock::duration>(shortest_rest, 2 * rest_), longest_rest);
  rests_until_ = now + rest_;
  // Rows may wait behind the cursor, so look there as soon as possible.
  if (!is_empty_) rests_until_ = std::min(rests_until_, std::max(now, sweep_due_));
}

void LaneSearch::charge_sweep(Clock::duration took, Clock::time_point now) {
  if (credit_at_ != Clock::time_point{}) credit_ += (now - credit_at_) / sweep_share;
  credit_ = std::min<Clock::duration>(credit_, most_credit) - took;
  credit_at_ = now;
  sweep_due_ = now + sweep_pause(took);
  is_slow_ = took >= slow_sweep;
}

/// Everything that the cursor leads to is claimed, so a slow sweep is due as soon as it can be afforded.
void LaneSearch::hasten_sweep(Clock::time_point now) {
  const auto pause =
      std::clamp<Clock::duration>(-credit_ * sweep_share, Clock::duration::zero(), longest_pause);
  if (is_slow_) sweep_due_ = std::min(sweep_due_, credit_at_ + pause);
  if (drain_) sweep_due_ = std::min(sweep_due_, now);
}

void LaneSearch::wake() {
  rests_until_ = {};
  rest_ = {};
}

void LaneSearch::restart() {
  cursor_.reset();
  is_restarted_ = true;
  rests_until_ = {};
  is_empty_ = false;
}

void LaneSearch::go_back(double created_at) {
  if (cursor_) cursor_ = std::min(*cursor_, created_at - rounding);
  is_empty_ = false;
}

void LaneSearch::forget() {
  restart();
  rest_ = {};
  sweep_due_ = {};
}

}  // namespace sluice::engine
