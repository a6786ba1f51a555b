// A pump: a thread with one connection that finishes jobs and claims the next ones, both in one
// statement. Outcomes wait for company only while other jobs of this pump are under way, and for 2 ms
// at most.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/outage.hpp"
#include "engine/router.hpp"
#include "engine/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// What a pump needs of the engine. The functions are called on the pump's thread.
struct PumpContext {
  store::Store& store;
  Router& router;
  Outage& outage;
  Tally& tally;
  const std::map<std::string, job::RetryPolicy>& policies;  ///< by job type; constant while pumps run
  std::function<void(std::size_t plugin, std::vector<job::Job>)> deliver;
  /// The id under which the runtime is enlisted; `fenced` is the id that was refused, 0 for none: then
  /// waits for a new one. 0 when the runtime stops meanwhile.
  std::function<store::RuntimeId(store::RuntimeId fenced)> runtime;
  std::function<void()> idle;      ///< called when the router is exhausted
  std::function<void()> finished;  ///< called once, last
};

class Pump {
 public:
  Pump(std::uint32_t index, PumpContext context);
  ~Pump();

  /// Takes jobs of this pump that came back. [any-thread]
  void push(std::vector<job::Finished> jobs);
  /// Looks again whether something may be claimed. [any-thread]
  void poke();
  /// Claims no more; ends when every claimed job came back and is written, or, while the database is
  /// lost, at `deadline`. [any-thread]
  void stop(Clock::time_point deadline);

 private:
  struct Work {
    std::vector<job::Finished> finished;
    bool claim = false;
    bool end = false;
  };

  void run();
  Work wait_for_work();
  bool outcomes_due(Clock::time_point now) const;
  void exchange(Work work);
  std::vector<job::Settlement> settle(std::vector<job::Finished> finished);
  std::vector<std::int64_t> used_up(const std::vector<job::Settlement>& settlements);
  void claim_and_finish(std::vector<job::Settlement>& settlements);
  void take(store::Exchanged exchanged, const std::vector<Reservation>& reservations, Clock::duration took);
  void hand_out(std::vector<std::vector<job::Job>> by_lane, const std::vector<Reservation>& reservations);
  void report_written(const std::vector<job::Settlement>& settlements, std::size_t dropped);
  bool recover(std::vector<job::Settlement>& settlements);
  void enlist_again();
  bool wait_to_retry(int failures);
  bool stopping() const;

  const std::uint32_t index_;
  const PumpContext context_;

  // used by the pump's thread alone
  std::unique_ptr<store::ClaimSession> session_;
  store::RuntimeId runtime_ = 0;
  std::unordered_map<std::int64_t, std::size_t> open_claims_;  // claim → jobs not written yet

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<job::Finished> inbox_;  // protected by mutex_, like all below
  Clock::time_point oldest_{};        // when the first job of the inbox arrived
  std::size_t in_flight_ = 0;         // claimed by this pump and not in the inbox
  bool poked_ = false;
  std::optional<Clock::time_point> stop_deadline_;

  std::jthread thread_;
};

}  // namespace sluice::engine
