// The fleet: all plugin hosts of a runtime, and the event loop that spawns, feeds, watches and reaps them.
//
// One thread, the main one, calls run() and is the loop. Every member function is for that thread, in a
// callback or before run(), except those marked [any-thread].
//
// Plugins are loaded in rounds: one at the start, and one for each reload. A round first has every new file
// described (loaded, its types known). When all have answered, conflicts of names are settled, and each
// plugin is started. When all are ready or refused, they take over at once from those that they replace, and
// conflicts of types are settled. The replaced plugins finish the jobs that they have started.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/landlock.hpp"
#include "base/threads.hpp"
#include "fleet/control_group.hpp"
#include "fleet/host_gauge.hpp"
#include "fleet/reload_request.hpp"
#include "fleet/running_job.hpp"
#include "job/host_limits.hpp"
#include "job/host_user.hpp"
#include "job/job.hpp"
#include "job/plugin_spec.hpp"
#include "job/sandbox.hpp"
#include "job/secrets.hpp"
#include "job/strictness.hpp"
#include "trust/vetting.hpp"

namespace sluice::fleet {

/// What the configuration sets for a plugin's hosts. If it changes, they are replaced.
struct HostSettings {
  bool enabled = true;
  int processes = 1;
  int slots = 4;
  std::string role;  ///< the database role that runs its effects; empty: effects are not allowed
  std::string config = "{}";
  job::Strictness strict;
  job::Sandbox sandbox;
  std::vector<std::chrono::microseconds> limits;  ///< how long an attempt may take, by type; 0: no limit
  job::HostLimits host_limits;
  int log_limit = 5000;  ///< log lines per second of each host
  job::GrantedSecrets secrets;
  std::optional<job::HostUser> user = {};                  ///< as whom the hosts run; absent: as the runtime
  std::vector<std::chrono::microseconds> cpu_limits = {};  ///< of an attempt, by type; 0: no limit
  bool operator==(const HostSettings&) const = default;
};

/// What hosts are limited to, as keys and values of the configuration: "user mail", "memory 512MB".
std::vector<std::string> limit_words(const HostSettings& settings, const std::string& keeper = "");

struct Options {
  std::chrono::microseconds start_timeout{std::chrono::seconds(10)};  ///< to load, and again for init
  /// How long the started jobs of a replaced host may continue before they are asked to cancel.
  std::chrono::microseconds drain_timeout{std::chrono::seconds(25)};
  std::chrono::microseconds cancel_grace{std::chrono::seconds(3)};  ///< between asking to cancel and killing
  int log_level = 2;                                                ///< SLUICE_LOG_…
  int most_requests = 0;  ///< follow-up jobs and effects of one job; 0: no limit
  std::function<HostSettings(const job::PluginSpec& plugin)> settings = [](const auto&) {
    return HostSettings{};
  };
  /// True: a plugin about which nothing is known yet is described in the strictest sandbox.
  std::function<bool()> wary = [] { return false; };
  /// As whom such a plugin is described.
  std::function<std::optional<job::HostUser>()> first_user = [] { return std::optional<job::HostUser>(); };
  int landlock_version = base::landlock_version();  ///< what the kernel can enforce
  trust::Policy trust{};                            ///< which plugin files are loaded
  bool require_sandbox = false;               ///< a plugin whose sandbox the kernel can't enforce is refused
  ControlGroups* control_groups = nullptr;    ///< outlives the fleet; null: limits are watched
  std::map<std::string, std::string> owners;  ///< job type → plugin, as the configuration names it
  bool start = true;  ///< false: only describe the plugins, for `plugin list` and `inspect`
};

enum class PluginState {
  loading,     ///< its host loads the file
  described,   ///< loaded; waits for the others
  starting,    ///< its hosts run init
  ready,       ///< takes jobs
  restarting,  ///< all its hosts died; the next start is due
  refused,     ///< refused; `reason` says why
  broken,      ///< gave up restarting it; `reason` says why
  removed,     ///< its file is gone; it gets no more jobs
  stopped,
  disabled,  ///< disabled by its settings: loaded to be described, and not started
};
const char* name(PluginState state);

/// A new version of a plugin that has a share of the jobs.
struct CanaryReport {
  std::string version;
  double share = 0;
  std::int64_t jobs = 0;  ///< that it ran
  std::int64_t failures = 0;
  std::string words;  ///< its share and the figures of both versions
};

/// What is known about one plugin file. A path keeps its index among the plugins as long as the fleet exists.
struct Plugin {
  std::string path;
  PluginState state = PluginState::loading;
  std::string reason;    ///< one sentence, for refused and broken
  job::PluginSpec spec;  ///< from described on
  HostSettings settings;
  std::vector<std::string> types;                    ///< those of spec.types that it serves
  std::map<std::string, std::string> refused_types;  ///< type → why it does not serve it
  int ready_hosts = 0;
  int ready_slots = 0;
  int restarts = 0;
  std::string digest;  ///< SHA-256 of the file that was loaded; empty: it is large, or can't be read
  int generation =
      0;  ///< how many of the file's versions and settings have taken over; 0: none was ever ready
  base::WallClock::time_point loaded_at;  ///< when the present generation took over
  std::string newer_refused;              ///< why the last reload refused the file and kept this one
  std::optional<CanaryReport> canary;
  bool limits_enforced = false;  ///< a control group of each of its hosts enforces `memory` and `tasks`
  int draining_hosts = 0;  ///< hosts of earlier generations, which finish the jobs that they have started
  int slots() const { return ready_slots; }
  bool usable() const { return state == PluginState::ready || state == PluginState::restarting; }
};

/// What a round did with one plugin file.
struct Change {
  enum class Kind { added, replaced, refused, removed, canary };
  Kind kind = Kind::added;
  std::size_t plugin = 0;  ///< its index among the plugins
  std::string reason;      ///< why it was refused
};
const char* name(Change::Kind kind);

/// Events of the fleet, on the loop's thread.
class Listener {
 public:
  virtual ~Listener() = default;
  /// A round is over: every new file was tried once, and is ready or refused.
  virtual void on_round_end() {}
  /// The number of ready hosts of a plugin changed, or its state.
  virtual void on_changed(std::size_t plugin) { (void)plugin; }
  virtual void on_returned(std::vector<job::Finished> jobs) = 0;
  /// SIGTERM or SIGINT arrived for the `times`-th time, or the terminal was closed.
  virtual void on_signal(int times) { (void)times; }
  /// SIGHUP arrived.
  virtual void on_reload_request() {}
  /// `sluice reload` asked for a canary, or decided one.
  virtual void on_reload_request(const ReloadRequest& request) { (void)request; }
  /// A canary went back. changes() says why.
  virtual void on_canary_end() {}
};

/// The `.so` files of a directory, sorted by name. Throws base::UsageError if it can't be read.
std::vector<std::string> find_plugins(const std::string& directory);

class Fleet {
 public:
  Fleet(Options options, Listener& listener);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// From now on the listener is told about SIGTERM, SIGINT and SIGHUP.
  void take_signals();
  /// From now on no plugin host gets these variables of the environment, which hold secrets of plugins.
  void withhold(const std::set<std::string>& variables);
  /// The first round: starts a host for each file.
  void load(const std::vector<std::string>& files);
  /// The next round, if is_round_over(). New files, changed files, files with changed settings, and plugins
  /// that don't work are started beside those at work. Plugins that are not among the files end. If a new one
  /// does not become ready, everything stays as it was. With a plan, a new version whose plugin works becomes
  /// a canary. Without one, a file that went back is not tried again.
  void reload(const std::vector<std::string>& files, std::map<std::string, std::string> owners,
              const std::optional<CanaryPlan>& plan = {});
  /// Promotes all canaries, or has them go back. Returns false if there are none.
  bool decide_canaries(bool promote);
  /// The next reload tries again what went back. Returns false if nothing did.
  bool forgive();
  /// The next round, if is_round_over() and there is no canary: the plugins that the last reload replaced are
  /// loaded again from their former files. What is at their paths is not tried again before it changes.
  /// Returns empty, or why nothing can be rolled back.
  std::string roll_back();
  /// The canary that is under way, for messages; empty: none.
  std::string canary_words() const;
  /// Runs the loop until stop() was called, every host is gone, and release() was called.
  void run();

  /// Hands jobs to the hosts of the plugins that serve their types. Jobs that no host can take come back at
  /// once, released. [any-thread]
  void deliver(std::vector<job::Job> jobs);
  /// Asks the handlers of these jobs to stop. The jobs end cancelled and are not tried again. Ids that no
  /// host has are ignored. [any-thread]
  void cancel(std::vector<std::string> ids);
  /// Takes back, released, the jobs that have waited in a host for that long and have not started.
  std::vector<job::Finished> recall(std::chrono::microseconds waited);
  /// Asks the jobs that exceed their time limit to stop. If a job does not stop within cancel_grace, its host
  /// gets no more jobs, another one takes its place, and it is killed when its other jobs have ended.
  void enforce_limits();
  /// Runs `step` on the loop's thread. [any-thread]
  void post(std::function<void()> step);
  /// Calls `step` repeatedly, each time after pause(), until the loop ends.
  void every(std::function<std::chrono::milliseconds()> pause, std::function<void()> step);

  /// Calls `step` once, after `delay`, unless the loop has ended by then. On the loop's thread.
  void after(std::chrono::milliseconds delay, std::function<void()> step);

  /// Gives back jobs that have not started, lets started ones continue for `patience`, then asks them to
  /// cancel, then kills them. A further call shortens the patience.
  void stop(std::chrono::microseconds patience);
  /// Kills every host now.
  void kill_all();
  /// Nobody waits for returned jobs any more, so run() may end. [any-thread]
  void release();

  const std::vector<Plugin>& plugins() const;
  /// The jobs whose handlers have been running for `at_least`.
  std::vector<RunningJob> running(std::chrono::microseconds at_least) const;
  /// No round is under way.
  bool is_round_over() const;
  /// How many hosts of a plugin are in each state, by the state's name, zeros included. "down": the host
  /// waits for its next start.
  std::map<std::string, int> hosts(std::size_t plugin) const;
  /// What the plugin's hosts take.
  HostTotals host_totals(std::size_t plugin) const;
  std::vector<HostFigures> host_figures(std::size_t plugin) const;
  /// What the last round did.
  const std::vector<Change>& changes() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace sluice::fleet
