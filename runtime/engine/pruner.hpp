// The pruner of a running engine: a thread that deletes jobs which are over for longer than they are kept.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/clock.hpp"
#include "engine/outage.hpp"
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

 private:
  struct Task {
    Retention retention;
    std::unique_ptr<store::PruneSession> session;
    Clock::time_point next{};
  };

  void run(const std::stop_token& stop);
  void prune(Task& task, const std::stop_token& stop);
  void pause(Clock::duration time, const std::stop_token& stop);

  Outage& outage_;
  std::vector<Task> tasks_;  // used by the thread alone
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace sluice::engine
