// The finisher of a pump: a thread with a connection that writes what came of the pump's jobs. Outcomes
// wait for company only while other jobs of the pump are under way, and for 2 ms at most.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/pump_context.hpp"

namespace sluice::engine {

class Finisher {
 public:
  /// `relieved` is called, on its thread, after outcomes were written; `ended` once, last.
  Finisher(const PumpContext& context, std::function<void()> relieved, std::function<void()> ended);

  // All of these may be called by any thread.

  /// A claim was made for so many jobs, which will be pushed one after the other.
  void expect(std::int64_t claim, std::size_t jobs);
  void push(std::vector<job::Finished> jobs);
  /// How many jobs came back whose outcome is not written yet.
  std::size_t unwritten() const;
  /// The claims with jobs whose outcome is not written yet.
  std::vector<std::int64_t> open_claims() const;
  /// Nothing will be expected any more: ends when all that was expected came back and is written.
  void no_more();
  /// Waits no longer for a lost database than until `deadline`.
  void limit(Clock::time_point deadline);

 private:
  void run();
  std::optional<std::vector<job::Finished>> wait_for_outcomes();
  bool due(Clock::time_point now) const;
  void write(std::vector<job::Settlement> settlements);
  bool wait_to_retry(int failures);
  void give_up(const std::vector<job::Settlement>& settlements);
  void write_once(std::vector<job::Settlement>& settlements);
  void commit_effects(std::vector<job::Settlement>& settlements);
  job::Settlement failed(job::Settlement settlement, const store::Rejected& rejected) const;
  std::vector<std::int64_t> used_up(const std::vector<job::Settlement>& settlements) const;
  void drop_settled(std::vector<job::Settlement>& settlements);
  void report_written(const std::vector<job::Settlement>& settlements, std::size_t dropped);

  const PumpContext& context_;
  const std::function<void()> relieved_;
  const std::function<void()> ended_;

  // used by the thread alone
  const std::unique_ptr<store::FinishSession> session_;
  bool last_try_ = false;                     // the deadline has come
  std::vector<std::int64_t> used_up_before_;  // claims to be closed with the next outcomes

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<job::Finished> inbox_;                           // protected by mutex_, like all below
  Clock::time_point oldest_{};                                 // when the first job of the inbox arrived
  std::size_t writing_ = 0;                                    // taken from the inbox, not written yet
  std::size_t expected_ = 0;                                   // jobs that have not come back
  std::unordered_map<std::int64_t, std::size_t> open_claims_;  // claim → jobs not written yet
  bool no_more_ = false;
  std::optional<Clock::time_point> deadline_;

  std::jthread thread_;
};

}  // namespace sluice::engine
