// The fleet: all plugin hosts of a runtime, and the event loop that spawns, feeds, watches and reaps them.
//
// One thread, the main one, calls run() and is the loop; every member function is for that thread, in a
// callback or before run(), except those marked [any-thread]. A plugin is described first (loaded, its
// types known), then, when all have answered, types that two plugins declare are settled and each
// plugin is started.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fleet/running_job.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"

namespace sluice::fleet {

struct HostSettings {
  int processes = 1;
  int slots = 4;
  std::string role;  ///< the database role under which its effects run; empty: it may have none
  std::string config = "{}";
};

struct Options {
  std::string executable = "/proc/self/exe";
  std::chrono::microseconds start_timeout{std::chrono::seconds(10)};  ///< to load, and again to init
  std::chrono::microseconds cancel_grace{std::chrono::seconds(3)};    ///< between cancel and kill at a stop
  int log_level = 2;                                                  ///< SLUICE_LOG_…
  std::function<HostSettings(const std::string& plugin)> settings = [](const auto&) {
    return HostSettings{};
  };
  std::map<std::string, std::string> owners;  ///< job type → plugin, where the configuration names one
  bool start = true;                          ///< false: only describe, for `plugin list` and `inspect`
};

enum class PluginState {
  loading,     ///< its host loads the file
  described,   ///< loaded; waits for the others
  starting,    ///< its hosts run init
  ready,       ///< takes jobs
  restarting,  ///< all its hosts died; the next start is due
  refused,     ///< not taken; `reason` says why
  broken,      ///< gave up restarting it; `reason` says why
  stopped,
};
const char* name(PluginState state);

/// What is known of one plugin file.
struct Plugin {
  std::string path;
  PluginState state = PluginState::loading;
  std::string reason;    ///< one sentence, for refused and broken
  job::PluginSpec spec;  ///< from described on
  HostSettings settings;
  std::vector<std::string> types;                    ///< those of spec.types that it serves
  std::map<std::string, std::string> refused_types;  ///< type → why it does not serve it
  int ready_hosts = 0;
  int restarts = 0;
  int slots() const { return ready_hosts * settings.slots; }
};

/// What the fleet tells, on the loop's thread.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Every plugin has been tried once: it is ready or refused.
  virtual void settled() {}
  /// The number of ready hosts of a plugin changed, or its state.
  virtual void changed(std::size_t plugin) { (void)plugin; }
  virtual void returned(std::vector<job::Finished> jobs) = 0;
  /// SIGTERM or SIGINT arrived, for the `times`-th time.
  virtual void signalled(int times) { (void)times; }
};

/// The `.so` files of a directory, sorted by name. Throws base::UsageError when it can't be read.
std::vector<std::string> find_plugins(const std::string& directory);

class Fleet {
 public:
  Fleet(Options options, Listener& listener);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// Starts a host for each file. `stop_signals`: take SIGTERM and SIGINT.
  void load(const std::vector<std::string>& files, bool stop_signals);
  /// Runs the loop until stop() was called, every host is gone, and release() was called.
  void run();

  /// Hands jobs to a plugin's hosts. Those it can't take come back at once, released. [any-thread]
  void deliver(std::size_t plugin, std::vector<job::Job> jobs);
  /// Asks the handlers of these jobs to stop; they end cancelled, and are not tried again. Ids that no host
  /// has do nothing. [any-thread]
  void cancel(std::vector<std::string> ids);
  /// Runs `step` on the loop's thread. [any-thread]
  void post(std::function<void()> step);
  /// Calls `step` every `interval` until the loop ends.
  void every(std::chrono::milliseconds interval, std::function<void()> step);

  /// Gives back what has not started, lets started jobs end for `patience`, then asks them to cancel, then
  /// kills. Called again, it shortens the patience.
  void stop(std::chrono::microseconds patience);
  /// Kills every host now.
  void kill_all();
  /// Says that nobody waits for returned jobs any more: run() may end. [any-thread]
  void release();

  const std::vector<Plugin>& plugins() const;
  /// The jobs whose handlers have been at work for `at_least`.
  std::vector<RunningJob> running(std::chrono::microseconds at_least) const;
  bool is_settled() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace sluice::fleet
