// Commits what plugins ask for together with their jobs. Follow-up jobs have a thread with a connection, and
// so have the effects of each role, as long as there are any: a slow statement holds up nobody but its own
// role.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/pump_context.hpp"

namespace sluice::engine {

class Committer {
 public:
  /// What came of a settlement; `unwritten` where it is not written.
  struct Committed {
    job::Settlement settlement;
    std::optional<store::Unwritten> unwritten;
    int failures = 0;  ///< as it was pushed
  };

  /// `report` is called on the committer's threads.
  Committer(const PumpContext& context, std::function<void(std::vector<Committed>)> report);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Both may be called by any thread.

  /// `failures` is how often it could not be written before.
  void push(job::Settlement settlement, int failures);
  /// Waits no longer for a lost database than until `deadline`.
  void limit(Clock::time_point deadline);

 private:
  struct Lane {
    std::string role;  ///< empty: follow-up jobs alone
    std::deque<Committed> waiting;
    std::condition_variable changed;
    std::jthread thread;
  };

  void run(Lane& lane);
  bool wait_for_work(Lane& lane, std::unique_ptr<store::EffectSession>& session);
  std::vector<Committed> take(Lane& lane, bool one);
  void commit(Lane& lane, store::EffectSession& session, std::vector<Committed>& jobs);
  bool wait_to_retry(Lane& lane, int failures);

  const PumpContext& context_;
  const std::function<void(std::vector<Committed>)> report_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Lane>> lanes_;  // protected by mutex_, like all below and in lanes
  std::optional<Clock::time_point> deadline_;
  bool ends_ = false;
};

}  // namespace sluice::engine
