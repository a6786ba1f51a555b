// What the runtime shows of itself in the database while it runs: its plugins, the jobs that take long, how
// many outcomes there were. The event loop says what there is, the caretaker writes what has changed: plugins
// when they change, jobs at most once a second, outcomes every five. A job that is over within a
// second is never written, and an idle runtime writes nothing.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/router.hpp"
#include "engine/summary.hpp"
#include "fleet/fleet.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Presence {
 public:
  /// Jobs are shown from this age on.
  static constexpr std::chrono::seconds long_job{1};

  explicit Presence(const Tally& tally) : tally_(tally) {}

  // For the event loop's thread.
  void set_plugins(const std::vector<fleet::Plugin>& plugins);
  void set_running(const std::vector<fleet::RunningJob>& running);

  // For the caretaker's thread. What throws is written the next time.
  void write(store::CareSession& session, store::RuntimeId runtime, Clock::time_point now);
  /// Writes the outcomes that are not written yet.
  void write_outcomes(store::CareSession& session);
  /// The runtime has a new id, under which nothing is shown yet.
  void start_anew();

 private:
  void write_plugins(store::CareSession& session, store::RuntimeId runtime);
  void write_running(store::CareSession& session, store::RuntimeId runtime);
  store::RunningChanges changes(const std::vector<store::RunningJob>& now) const;

  const Tally& tally_;

  // used by the caretaker's thread alone: what is written
  std::vector<store::PluginReport> shown_plugins_;
  std::map<std::string, store::RunningJob> shown_running_;
  std::map<std::string, TypeSummary> counted_;
  Clock::time_point next_running_{};
  Clock::time_point next_count_{};

  std::mutex mutex_;
  std::vector<store::PluginReport> plugins_;  // protected by mutex_, like the next
  std::vector<store::RunningJob> running_;
};

}  // namespace sluice::engine
