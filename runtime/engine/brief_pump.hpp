// The pump of brief jobs. One thread with one connection locks a batch of rows, waits until its jobs came
// back, and writes in one commit: a job that is simply done is written once. What takes longer than the locks
// should be held, and what came out otherwise (failed, with an output, with effects), becomes an ordinary
// claim in that commit, and a finisher goes on from there. While one brief pump writes, the jobs of another
// run: there are always two at least.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/finisher.hpp"
#include "engine/intake.hpp"
#include "engine/pump.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class BriefPump : public Pump {
 public:
  BriefPump(std::uint32_t index, PumpContext context);

  void push(std::vector<job::Finished> jobs) override;
  void poke() override;
  void stop(Clock::time_point deadline) override;

 private:
  /// A job that ran on when its batch was written.
  struct Left {
    std::optional<std::int64_t>
        claim;  ///< that it became part of; 0: it is no longer ours; none yet: being written
    std::string place;
    std::optional<job::Finished> back;  ///< it came back before that was known
  };
  /// What one commit writes.
  struct Batch {
    std::vector<job::Job> done, kept;      ///< without payloads
    std::vector<job::Settlement> settled;  ///< over with the commit: done, or released untouched
    std::vector<job::Finished> came_back;  ///< those of `kept` that are back
  };

  void run();
  bool wait_for_room();
  void pump_once();
  Intake claim();
  void wait_for_jobs(Clock::time_point deadline);
  Batch take_batch();
  void end(Batch batch);
  bool write(Batch& batch, store::Kept& kept);
  void lock_again(Batch& batch);
  void keep(std::vector<job::Finished> came_back, const store::Kept& kept);
  void report(const std::vector<job::Settlement>& settled);
  void drop(const std::vector<job::Job>& jobs);
  void enlist_again();
  void wait_to_retry(int failures);
  bool stopping() const;

  const std::uint32_t index_;
  const PumpContext context_;
  Finisher finisher_;  // of what was kept

  // used by the thread alone
  std::unique_ptr<store::BriefSession> session_;
  store::RuntimeId runtime_ = 0;
  std::vector<job::Job> locked_;  // the batch at hand, without payloads

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;              // jobs of the batch at hand that are not back; protected by mutex_
  std::vector<job::Finished> returned_;  // those that are; protected by mutex_, like all below
  std::map<std::string, Left> left_;     // by id
  bool poked_ = false;
  bool stopping_ = false;
  std::optional<Clock::time_point> deadline_;

  std::jthread thread_;
};

}  // namespace sluice::engine
