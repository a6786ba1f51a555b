// Makes due jobs pending: delayed ones, snoozed ones and retries. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/care/hold.hpp"
#include "engine/care/pending_change.hpp"
#include "engine/lanes/lanes.hpp"
#include "store/care.hpp"

namespace sluice::engine {

class Schedule {
 public:
  explicit Schedule(Lanes& lanes) : lanes_(lanes), change_(lanes) {}

  /// One round, of at most 100 ms. Returns whether any job became pending. Throws what the store throws.
  bool promote(store::CareSession& session);

  /// More jobs are due than the last round made pending.
  bool is_behind() const { return change_.is_open(); }
  /// Nothing was under way in the last rounds.
  bool is_quiet() const;
  /// Ends the quiet period, because a job may be due before next_due().
  void wake() { quiet_rounds_ = 0; }
  /// When the next schedule is due, as far as is known.
  std::optional<Clock::time_point> next_due() const { return next_due_; }

 private:
  void note_load();
  void report_held(store::CareSession& session, const store::Promoted& promoted);

  Lanes& lanes_;
  PendingChange change_;                       // open while more are due
  Hold rows_;                                  // by locks on rows that are due
  std::optional<Clock::time_point> next_due_;  // the next schedule, as far as is known
  int quiet_rounds_ = 0;                       // consecutive rounds without a job under way
  std::size_t ahead_ = 0;                      // jobs that were made pending and have not been claimed since
  std::int64_t found_ = 0;                     // Load::jobs at the last look
};

}  // namespace sluice::engine
