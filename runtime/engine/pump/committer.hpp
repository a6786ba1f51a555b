// Commits follow-up jobs and effects together with their jobs. Follow-up jobs have a thread with a
// connection, and so have the effects of each role, as long as there are any. So a slow statement holds up
// only its own role.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "engine/pump/pump_context.hpp"

namespace sluice::engine {

class Committer {
 public:
  /// What became of a settlement; `unwritten` if it was not written.
  struct Committed {
    job::Settlement settlement;
    std::optional<store::Unwritten> unwritten;
    int failures = 0;         ///< as given to push()
    bool unanswered = false;  ///< a statement that may have written it got no answer
  };

  /// `report` is called on the committer's threads.
  Committer(const PumpContext& context, std::function<void(std::vector<Committed>)> report);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Both may be called by any thread.

  /// `failures`: how often writing it has failed before.
  void push(job::Settlement settlement, int failures);
  /// Stops waiting for a lost database at `deadline`.
  void limit(Clock::time_point deadline);

 private:
  struct Lane {
    explicit Lane(std::string the_role) : role(std::move(the_role)) {}

    const std::string role;  ///< empty: follow-up jobs alone
    base::Mutex mutex;
    base::Condition changed;
    std::deque<Committed> waiting GUARDED_BY(mutex);
    std::optional<Clock::time_point> deadline GUARDED_BY(mutex);
    bool ends GUARDED_BY(mutex) = false;

    base::Thread thread;
  };

  void run(Lane& lane);
  bool wait_for_work(Lane& lane, std::unique_ptr<store::EffectSession>& session);
  std::vector<Committed> take(Lane& lane, bool one);
  void commit(Lane& lane, store::EffectSession& session, std::vector<Committed>& jobs);
  bool wait_to_retry(Lane& lane, int failures);

  // constant
  const PumpContext& context_;
  const std::function<void(std::vector<Committed>)> report_;

  base::Mutex mutex_;  // taken before a lane's
  std::map<std::string, std::unique_ptr<Lane>> lanes_ GUARDED_BY(mutex_);
  std::optional<Clock::time_point> deadline_ GUARDED_BY(mutex_);
};

}  // namespace sluice::engine
