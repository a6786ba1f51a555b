// The pump of brief jobs. One thread with one connection locks a batch of rows, waits until its jobs came
// back, and writes in one commit: a job that is simply done is written once. What takes longer than the locks
// should be held, and what came out otherwise (failed, with an output, with effects), becomes an ordinary
// claim in that commit, and a finisher goes on from there. So does a batch whose commit failed; and while the
// database is in trouble, claims are recorded before their jobs run, so that none runs again and again
// uncounted. The same where the table holds back an update without a word. While one brief pump writes, the
// jobs of another run: there are always two at least.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/claim_gate.hpp"
#include "engine/finisher.hpp"
#include "engine/intake.hpp"
#include "engine/pump.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class BriefPump : public Pump {
 public:
  BriefPump(std::uint32_t index, PumpContext context);

  ClaimMode mode() const override { return ClaimMode::brief; }
  void push(std::vector<job::Finished> jobs) override;
  void poke() override { gate_.poke(); }
  void stop(Clock::time_point deadline) override;

 private:
  /// A job that ran on when its batch was written.
  struct Left {
    std::int64_t claim = being_written;
    std::string place;
    std::optional<job::Finished> back;  ///< it came back while it was being written
  };
  static constexpr std::int64_t being_written = -1, not_ours = 0;  ///< instead of a claim's number
  using Attempt = std::pair<std::int64_t, std::string>;            ///< batch and id of a job

  /// What is to be written of a batch.
  struct Batch {
    std::vector<job::Finished> done;      ///< simply
    std::vector<job::Finished> released;  ///< never ran: unlocked untouched
    std::vector<job::Job> kept;           ///< the others, without payloads
    std::vector<job::Finished> back;      ///< those of `kept` that are
  };

  void run();
  void pump_once();
  Intake claim();
  store::Claimed lock(const std::vector<store::LaneRequest>& lanes);
  void record(store::Claimed& claimed);
  void begin_batch(const store::Claimed& claimed);
  void wait_for_jobs(Clock::time_point deadline);
  Batch take_batch();
  void write(Batch batch, bool others_locked);
  store::Kept end(const std::vector<job::Job>& done, const std::vector<job::Job>& kept);
  store::Kept keep_what_is_left(const std::vector<job::Job>& jobs);
  template <typename Step>
  auto ask(Step&& step);
  void go_on(Batch batch, const store::Kept& kept);
  void drop(std::size_t jobs);
  void report(std::vector<job::Finished> jobs);
  void enlist_again();
  void use(store::RuntimeId runtime);

  const std::uint32_t index_;
  const PumpContext context_;

  // used by the thread alone
  std::unique_ptr<store::BriefSession> session_;
  store::RuntimeId runtime_ = 0;
  std::int64_t batches_ = 0;
  std::vector<job::Job> locked_;  // the batch at hand, without payloads

  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t batch_ = 0;   // Job::claim of the batch at hand, 0: none; protected by mutex_, like all below
  std::size_t running_ = 0;  // its jobs that are not back
  std::vector<job::Finished> returned_;  // its jobs that are
  std::map<Attempt, Left> left_;
  std::optional<Clock::time_point> deadline_;

  Finisher finisher_;  // of what was kept
  ClaimGate gate_;
  std::jthread thread_;
};

}  // namespace sluice::engine
