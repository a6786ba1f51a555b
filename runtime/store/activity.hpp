// What a runtime publishes about itself while it runs: its plugins, its long jobs, and how many outcomes
// there were.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/time_buckets.hpp"

namespace sluice::store {

/// A plugin of a runtime.
struct PluginReport {
  std::string path;
  std::string name;  ///< empty while unknown
  std::string version;
  std::string state;   ///< fleet::name(PluginState), or another word
  std::string reason;  ///< one or more sentences if it is refused or broken, or serves only some of its types
  int hosts = 0;       ///< ready
  int hosts_wanted = 0;
  int slots = 0;  ///< slots of the ready hosts
  int restarts = 0;
  std::vector<std::string> types;   ///< types that it serves
  std::vector<std::string> limits;  ///< of each host: "memory 512MB"
  std::string canary{};             ///< the version that is compared with `version`; empty: none
  std::string abi{};                ///< "1.4", for which its file was built; empty while unknown
  std::string digest{};             ///< SHA-256 of the file that it was loaded from; empty: not known
  std::string host_figures = "[]";  ///< JSON: what each host takes now

  bool operator==(const PluginReport&) const = default;
};

/// A job whose handler has been running for a while.
struct RunningJob {
  std::string id;
  std::string type;
  int attempt = 0;
  std::string plugin;
  int host_pid = 0;                ///< the plugin host's process
  double age = 0;                  ///< seconds since its handler was called
  std::optional<double> fraction;  ///< of the work, 0 to 1; nullopt: its handler has reported nothing
  std::string note;
};

/// What changed among a runtime's running jobs since the last time.
struct RunningChanges {
  std::vector<RunningJob> changed;  ///< new jobs, and those with new reports
  std::vector<std::string> over;    ///< ids of jobs that have ended
};

/// Outcomes of one kind that were counted since the last time: a part of a row of sluice.minute. Jobs that
/// are given back do not count.
struct OutcomeCount {
  std::string type;
  std::string plugin_version;
  std::string outcome;  ///< "done", "retrying", "failed" or "snoozed"
  std::int64_t count = 0;
  double busy = 0;        ///< the handlers' time in seconds
  TimeHistogram waiting;  ///< from when the job was created or due until its handler started
  TimeHistogram running;  ///< the handler's time
};

/// Outcomes of one type in some time, added up.
struct Throughput {
  std::string type;
  double done = 0;
  double retrying = 0;  ///< failed, will be tried again
  double failed = 0;    ///< failed for good
  double snoozed = 0;
  double busy = 0;  ///< the handlers' time in seconds
};

/// An attempt that ended as done: who ran it, and for how long.
struct Trace {
  std::string id;
  int attempt = 0;
  int host_pid = 0;  ///< the plugin host's process
  double age = 0;    ///< seconds since it ended
  double took = 0;   ///< seconds that its handler ran
};

}  // namespace sluice::store
