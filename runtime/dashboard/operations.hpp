// Changes to many jobs by a filter. Each runs on a thread of its own, in small batches, and can be stopped.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "store/job_desk.hpp"

namespace sluice::dashboard {

enum class Change { retry, remove, give_up };

struct OperationState {
  int id = 0;
  Change change = Change::retry;
  std::string actor;
  std::string filter;  ///< as the page's query
  std::int64_t changed = 0;
  bool over = false;
  bool stopped = false;  ///< by hand
  std::string error;     ///< why it ended early
};

/// Any thread. The destructor stops all of them.
class Operations {
 public:
  Operations();
  ~Operations();
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  /// Starts one over the jobs of `filter`, status by status. nullopt if too many are under way.
  std::optional<int> start(OperationState state, const store::JobFilter& filter,
                           std::unique_ptr<store::JobDesk> desk);
  std::optional<OperationState> state(int id) const;
  std::vector<OperationState> all() const;  ///< newest first
  bool stop(int id);

 private:
  struct Running;

  void run(Running& running, store::JobFilter filter);
  bool step(Running& running, const store::JobFilter& filter, store::Walk& walk);
  void forget_old() REQUIRES(mutex_);

  mutable base::Mutex mutex_;
  int last_ GUARDED_BY(mutex_) = 0;
  std::list<std::unique_ptr<Running>> running_ GUARDED_BY(mutex_);
};

}  // namespace sluice::dashboard
