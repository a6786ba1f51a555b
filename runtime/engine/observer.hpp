// What the event loop says of itself and of the plugins, for those who only look: health checks and metrics.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::engine {

struct PluginObservation {
  std::string path;
  std::string name;                  ///< empty while it is not known
  std::string version;               ///< likewise
  std::string state;                 ///< as fleet::PluginState is named
  std::string reason;                ///< why it is refused or broken
  std::vector<std::string> types;    ///< that it serves
  std::map<std::string, int> hosts;  ///< how many there are in each state; zeros included
  int wanted_hosts = 0;
  int restarts = 0;
  int slots = 0;
};

struct Observation {
  bool settled = false;   ///< every plugin was tried at the start
  bool stopping = false;  ///< nothing is claimed any more
  std::vector<PluginObservation> plugins;
  std::chrono::steady_clock::duration took{};  ///< until the loop answered
};

/// Asks the event loop, one question at a time however many ask. Thread-safe.
class Observer {
 public:
  /// `post` has the loop run a step, in which `look` is called.
  Observer(std::function<void(std::function<void()>)> post, std::function<Observation()> look);

  /// None when the loop does not answer within `patience`.
  std::optional<Observation> observe(std::chrono::milliseconds patience);
  /// The loop has ended: nobody will answer.
  void close();

 private:
  void answer();

  const std::function<void(std::function<void()>)> post_;
  const std::function<Observation()> look_;

  std::mutex mutex_;
  std::condition_variable answered_;
  bool asked_ = false;  // protected by mutex_, like all below
  bool closed_ = false;
  std::uint64_t answers_ = 0;
  Observation latest_;
};

}  // namespace sluice::engine
