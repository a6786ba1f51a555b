// What the event loop reports about itself and the plugins, for health checks and metrics.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "fleet/fleet.hpp"

namespace sluice::engine {

struct PluginObservation {
  std::string path;
  std::string name;                  ///< empty while unknown
  std::string version;               ///< likewise
  std::string state;                 ///< the name of its fleet::PluginState
  std::string reason;                ///< why it is refused or broken
  std::vector<std::string> types;    ///< types that it serves
  std::map<std::string, int> hosts;  ///< how many hosts are in each state, zeros included
  int wanted_hosts = 0;
  int restarts = 0;
  int slots = 0;
  std::optional<fleet::CanaryReport> canary;
  double cpu_seconds = 0;      ///< of its hosts, with those that have ended
  double resident_bytes = 0;   ///< of its hosts
  double oldest_host_age = 0;  ///< seconds since the oldest one became ready; 0 without one
  double killed_orphans = 0;   ///< processes that its hosts left behind
};

struct Observation {
  bool settled = false;   ///< every plugin was tried at the start
  bool stopping = false;  ///< no more jobs are claimed
  std::vector<PluginObservation> plugins;
  base::Clock::duration took{};  ///< until the loop answered
};

/// Asks the event loop, one question at a time, however many threads ask. Thread-safe.
class Observer {
 public:
  /// `post` makes the loop run a step, which calls `look`.
  Observer(std::function<void(std::function<void()>)> post, std::function<Observation()> look);

  /// Nullopt if the loop does not answer within `patience`.
  std::optional<Observation> observe(std::chrono::milliseconds patience);
  /// The loop has ended and will not answer.
  void close();

 private:
  void answer();

  // constant
  const std::function<void(std::function<void()>)> post_;
  const std::function<Observation()> look_;

  base::Mutex mutex_;
  base::Condition answered_;
  bool asked_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::uint64_t answers_ GUARDED_BY(mutex_) = 0;
  Observation latest_ GUARDED_BY(mutex_);
};

}  // namespace sluice::engine
