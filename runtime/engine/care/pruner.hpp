// The pruner of a running engine: a thread that deletes finished jobs when they are older than their
// retention.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "engine/clock.hpp"
#include "engine/pump/outage.hpp"
#include "store/store.hpp"

namespace sluice::engine {

/// How long the jobs of one status are kept.
struct Retention {
  std::string status;
  job::Microseconds age{};
};

class Pruner {
 public:
  Pruner(store::Store& store, Outage& outage, const std::vector<Retention>& retentions);
  ~Pruner();
  Pruner(const Pruner&) = delete;
  Pruner& operator=(const Pruner&) = delete;

 private:
  struct Task {
    Retention retention;
    std::unique_ptr<store::PruneSession> session;
    Clock::time_point next{};
  };

  void run();
  void prune(Task& task);
  void pause(Clock::duration time);
  bool stopping() const;

  // constant
  Outage& outage_;

  // used by the thread alone
  std::vector<Task> tasks_;

  mutable base::Mutex mutex_;
  base::Condition stopped_;
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

}  // namespace sluice::engine
