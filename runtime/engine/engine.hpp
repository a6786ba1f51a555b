// The engine connects the store to the fleet: pumps claim and finish jobs, the caretaker does the regular
// upkeep, and the fleet's event loop runs on the thread that calls run().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "engine/care/caretaker.hpp"
#include "engine/care/heart.hpp"
#include "engine/care/presence.hpp"
#include "engine/care/pruner.hpp"
#include "engine/lanes/lanes.hpp"
#include "engine/policies.hpp"
#include "engine/pump/outage.hpp"
#include "engine/pump/pump.hpp"
#include "engine/watch/observer.hpp"
#include "engine/watch/summary.hpp"
#include "fleet/fleet.hpp"
#include "store/store.hpp"

namespace sluice::engine {

struct EngineOptions {
  bool drain = false;                 ///< end when no job is due
  std::set<std::string> types;        ///< only these types; empty: all
  std::optional<std::int64_t> limit;  ///< claim at most this many jobs
  /// Reads the configuration again, for a reload; throws base::UsageError. Without it the engine never
  /// reloads.
  std::function<config::Config()> reread;
  fleet::ControlGroups* control_groups = nullptr;  ///< of the hosts; outlives the engine; null: none
  std::function<void(const Tally&)> progress;      ///< called every 200 ms, if set
};

struct EngineResult {
  bool stopped = false;          ///< stopped by a signal
  std::size_t plugins = 0;       ///< plugins that were ready
  std::set<std::string> served;  ///< the job types that ready plugins served at the end, requested or not
  std::string failure;           ///< why a drain gave up; empty if it did not
};

class Engine : private fleet::Listener {
 public:
  Engine(store::Store& store, const config::Config& config, EngineOptions options);
  ~Engine() override;

  /// Runs until drained or stopped. Throws what the store throws if the database is unavailable at the start.
  EngineResult run();

  // Any thread may call these while run() runs.

  const Tally& tally() const { return tally_; }
  const Outage& outage() const { return outage_; }
  Load load() const { return lanes_.load(); }
  /// Like Heart::since_answer.
  Clock::duration since_answer(std::chrono::milliseconds patience) { return heart_.since_answer(patience); }
  /// Nullopt if the event loop does not answer within `patience`.
  std::optional<Observation> observe(std::chrono::milliseconds patience) {
    return observer_.observe(patience);
  }

 private:
  // fleet::Listener
  void on_round_end() override;
  void on_changed(std::size_t plugin) override;
  void on_returned(std::vector<job::Finished> jobs) override;
  void on_signal(int times) override;
  void on_reload_request() override;
  void on_reload_request(const fleet::ReloadRequest& request) override;
  void on_canary_end() override;

  fleet::Options fleet_options() const;
  std::map<std::string, std::string> owners() const;
  bool wanted(const std::string& type) const;
  std::size_t refused() const;
  void warn_of_unused_settings() const;
  void add_lanes(std::size_t index, const fleet::Plugin& plugin, std::vector<LaneSpec>& lanes,
                 Policies::ByType& policies);
  bool is_brief(const job::TypeSpec& type) const;
  void serve();
  void reload(const std::optional<fleet::CanaryPlan>& plan);
  void ask_for_reload(const std::optional<fleet::CanaryPlan>& plan);
  void decide_canaries(bool promote);
  void roll_back();
  void take(config::Config config);
  void refuse_reload(const std::string& why);
  void report_reload();
  void announce_reload(const std::string& error);
  std::int64_t canaries() const;
  void publish_slots();
  void show();
  void report_to_systemd();
  void sum_up();
  std::string outcomes() const;
  void start_pumps();
  void poke_pumps();
  void start_pruner();
  void stop(std::chrono::microseconds patience);
  void limit_calls(std::chrono::microseconds patience);
  void end_when_drained();
  void mark_soon();
  void mark_running();
  void give_back_waiting();
  void give_up_when_lost();
  void pump_finished();
  Observation look() const;

  store::Store& store_;
  config::Config config_;  // a reload changes [plugin] and [type], which only the event loop's thread reads
  const EngineOptions options_;
  Lanes lanes_;
  Outage outage_;
  Heart heart_;
  Tally tally_;
  Presence presence_;
  fleet::Fleet fleet_;
  Observer observer_;
  std::unique_ptr<Caretaker> caretaker_;
  Policies policies_;
  std::atomic<bool> marking_ = false;                      ///< running jobs are looked for
  std::set<std::pair<std::int64_t, std::string>> marked_;  ///< claim and id of jobs that pumps know
  Clock::time_point marked_at_{};
  std::atomic<bool> no_scheduled_ = false;  ///< as in PumpContext
  std::vector<store::ServedType> served_;
  std::vector<std::unique_ptr<Pump>> pumps_;
  std::size_t pumps_running_ = 0;
  std::unique_ptr<Pruner> pruner_;
  /// A reload for when the present round is over, with the plan of a canary or without.
  std::optional<std::optional<fleet::CanaryPlan>> reload_wanted_;
  Clock::time_point reload_began_;  // when the last reload began
  bool is_up_ = false;
  bool stopping_ = false;
  Clock::time_point deadline_{};  // for everything that is written at a stop
  EngineResult result_;

  struct SummedUp {
    std::int64_t done = 0, retrying = 0, failed = 0, snoozed = 0;
    bool operator==(const SummedUp&) const = default;
  };
  SummedUp summed_up_;  // what the last summary line covered
};

}  // namespace sluice::engine
