// What the runtime publishes about itself in the database while it runs: its plugins and settings, the
// jobs that take long, the numbers of outcomes, and, if configured, which runtime ran which job. The event
// loop reports the current state, and the caretaker writes the changes: plugins and settings when they
// change, running jobs and traces at most once a second, and outcomes every five seconds. A job that ends
// within a second is never shown as running, and an idle runtime writes nothing.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "engine/clock.hpp"
#include "engine/watch/summary.hpp"
#include "fleet/fleet.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Presence {
 public:
  /// Jobs that have run for at least this long are shown.
  static constexpr std::chrono::seconds long_job{1};

  /// Traces of who ran which job are kept for `keep_traces`; nullopt: none are recorded.
  explicit Presence(Tally& tally, std::optional<job::Microseconds> keep_traces = {})
      : tally_(tally), keep_traces_(keep_traces) {}

  // For the event loop's thread.
  /// `hosts` measures the hosts of a plugin, by its index. It is asked now and then, because it takes time.
  void set_plugins(const std::vector<fleet::Plugin>& plugins,
                   const std::function<std::vector<fleet::HostFigures>(std::size_t)>& hosts = nullptr);
  /// As published_settings() writes them.
  void set_settings(std::string settings);
  void set_running(const std::vector<fleet::RunningJob>& running);
  void add_ended(const std::vector<job::Finished>& jobs);

  // For the caretaker's thread. If a write throws, the same data is written the next time.
  void write(store::CareSession& session, store::RuntimeId runtime, Clock::time_point now);
  /// Writes the outcomes that have not been written yet.
  void write_outcomes(store::CareSession& session);
  /// Writes the traces that have not been written yet.
  void write_traces(store::CareSession& session, store::RuntimeId runtime);
  /// The runtime has a new id, under which nothing is shown yet.
  void start_anew();

 private:
  void write_plugins(store::CareSession& session, store::RuntimeId runtime);
  void write_settings(store::CareSession& session, store::RuntimeId runtime);
  void write_running(store::CareSession& session, store::RuntimeId runtime);
  void take_ended();
  store::RunningChanges changes(const std::vector<store::RunningJob>& now) const;

  /// An attempt that was done.
  struct Ended {
    std::string id;
    int attempt = 0;
    int host = 0;
    Clock::time_point at;
    job::Microseconds took{0};
  };

  // constant
  Tally& tally_;
  const std::optional<job::Microseconds> keep_traces_;

  // used by the caretaker's thread alone: what is written
  std::vector<store::PluginReport> shown_plugins_;
  std::string shown_settings_;
  std::map<std::string, store::RunningJob> shown_running_;
  std::vector<store::OutcomeCount> counts_;  // taken, and not written yet
  std::vector<Ended> tracing_;               // taken, and not written yet
  Clock::time_point next_running_{};
  Clock::time_point next_count_{};

  // used by the event loop's thread alone
  std::vector<std::string> figures_;  // of each plugin's hosts
  Clock::time_point next_figures_{};

  base::Mutex mutex_;
  std::vector<store::PluginReport> plugins_ GUARDED_BY(mutex_);
  std::string settings_ GUARDED_BY(mutex_);
  std::vector<store::RunningJob> running_ GUARDED_BY(mutex_);
  std::vector<Ended> ended_ GUARDED_BY(mutex_);
  std::size_t untraced_ GUARDED_BY(mutex_) = 0;  // dropped as too many while the database was away
};

}  // namespace sluice::engine
