// The finisher of a pump: a thread with a connection that writes the outcomes of the pump's jobs. Outcomes
// wait for others only while other jobs of the pump are under way, and for at most 2 ms. An outcome that
// can't be written holds up nothing else: it becomes its job's error, or is kept aside and tried again
// separately.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "engine/pump/committer.hpp"
#include "engine/pump/pump_context.hpp"

namespace sluice::engine {

class Finisher {
 public:
  /// `relieved` is called on its thread after outcomes were written; `ended` is called once, as the last
  /// call.
  Finisher(const PumpContext& context, std::function<void()> relieved, std::function<void()> ended);

  // All of these may be called by any thread.

  /// A claim brought this many jobs, which will be pushed one after the other.
  void expect(std::int64_t claim, std::size_t jobs);
  void push(std::vector<job::Finished> jobs);
  /// These jobs still run; their rows become `processing` if they are not yet.
  void mark(std::vector<job::Ref> jobs);
  /// How many jobs came back whose outcome is not written yet, except those that are kept aside or with the
  /// committer.
  std::size_t unwritten() const;
  /// The claims with jobs whose outcome is not written yet.
  std::vector<std::int64_t> open_claims() const;
  /// No more jobs will be expected. The thread ends when all expected jobs came back and are written.
  void no_more();
  /// Stops waiting for a lost database, or for locked rows, at `deadline`.
  void limit(Clock::time_point deadline);

 private:
  /// An outcome that could not be written.
  struct Aside {
    job::Settlement settlement;
    std::string why;
    Clock::time_point next{};  ///< when it is tried again
    int failures = 0;
    bool locked = false;      ///< its row is locked; else the database refuses the outcome
    bool over = false;        ///< nothing waits for it any more
    bool unanswered = false;  ///< a statement that may have written it got no answer
  };
  /// What to do now.
  struct Work {
    std::vector<job::Finished> finished;
    std::vector<Committer::Committed> committed;
    std::vector<Aside> again;
    std::vector<job::Ref> running;

    bool empty() const { return finished.empty() && committed.empty() && again.empty() && running.empty(); }
  };
  struct MarkedOf {
    std::size_t jobs = 0;  ///< jobs that are not written yet
    bool filled = false;   ///< all jobs that were left are marked, and the store knows
  };
  struct OpenClaim {
    std::size_t jobs = 0;   ///< jobs that are not written yet
    bool begun = false;     ///< others of its jobs are written
    bool doubtful = false;  ///< a connection was lost since some were written or marked
  };
  using Attempt = std::pair<std::int64_t, std::string>;  ///< claim and id of a job

  void run();
  std::optional<Work> wait_for_work();
  bool due(Clock::time_point now) const REQUIRES(mutex_);
  bool is_over() const REQUIRES(mutex_);
  std::optional<Clock::time_point> next_wake() const REQUIRES(mutex_);
  std::optional<Work> take(Clock::time_point now) REQUIRES(mutex_);
  bool leave_aside(Clock::time_point now) REQUIRES(mutex_);

  void do_work(Work work);
  void mark_running(std::vector<job::Ref> jobs);
  std::vector<std::int64_t> filled_claims();
  void place(std::vector<job::Settlement>& settlements) const;
  std::vector<job::Settlement> take_committed(std::vector<Committer::Committed> committed);
  void hand_over_effects(std::vector<job::Settlement>& settlements);
  void commit(job::Settlement settlement, int failures);
  void write(std::vector<job::Settlement> settlements);
  bool wait_to_retry(int failures);
  void give_up(const std::vector<job::Settlement>& settlements);
  void write_once(std::vector<job::Settlement>& settlements, bool unanswered);
  void write_again(std::vector<Aside> asides);
  void finish_again(std::vector<Aside> asides);
  std::vector<Aside> sort_out(std::vector<Aside> asked, const std::vector<store::Unwritten>& unwritten);
  std::optional<job::Settlement> otherwise(const job::Settlement& settlement,
                                           const store::Unwritten& unwritten, int failures) const;
  void keep_aside(Aside aside, const store::Unwritten& unwritten);
  job::Settlement failed(job::Settlement settlement, const store::Unwritten& unwritten) const;
  std::vector<std::int64_t> used_up(const std::vector<job::Settlement>& settlements) const;
  void drop_settled(std::vector<job::Settlement>& settlements);
  void close(const job::Settlement& settlement);
  void doubt_open_claims();
  void surrender_doubtful();
  void report_unknown(const std::vector<job::Settlement>& settlements);
  void report_written(const std::vector<job::Settlement>& settlements);
  void report_dropped(const std::vector<job::Settlement>& settlements);

  // constant
  const PumpContext& context_;
  const std::function<void()> relieved_;
  const std::function<void()> ended_;

  // used by the thread alone
  const std::unique_ptr<store::FinishSession> session_;
  bool last_try_ = false;                     // the deadline has passed
  std::vector<std::int64_t> used_up_before_;  // claims to be closed with the next outcomes
  std::vector<Aside> aside_;
  std::map<Attempt, std::string> marked_;         // places of the rows that are `processing`
  std::map<std::int64_t, MarkedOf> marked_of_{};  // by claim
  bool hurried_ = false;  // outcomes kept aside have been tried once more because the pump is stopping

  mutable base::Mutex mutex_;
  base::Condition changed_;
  std::vector<job::Finished> inbox_ GUARDED_BY(mutex_);
  std::vector<Committer::Committed> committed_ GUARDED_BY(mutex_);  // returned by the committer
  std::vector<job::Ref> running_ GUARDED_BY(mutex_);                // to be marked
  Clock::time_point oldest_ GUARDED_BY(mutex_){};                   // when the first job of the inbox arrived
  std::size_t writing_ GUARDED_BY(mutex_) = 0;                      // taken from the inbox, not written yet
  std::size_t committing_ GUARDED_BY(mutex_) = 0;                   // with the committer
  std::size_t expected_ GUARDED_BY(mutex_) = 0;                     // jobs that have not come back yet
  std::unordered_map<std::int64_t, OpenClaim> open_claims_ GUARDED_BY(mutex_);
  std::vector<std::int64_t> surrendered_ GUARDED_BY(mutex_);  // doubtful ones that are used up
  bool no_more_ GUARDED_BY(mutex_) = false;
  std::optional<Clock::time_point> deadline_ GUARDED_BY(mutex_);

  Committer committer_;
  base::Thread thread_;
};

}  // namespace sluice::engine
