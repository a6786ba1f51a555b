// What a runtime shows of itself while it runs: its plugins, its long jobs, and how many outcomes there were.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::store {

/// A plugin as a runtime has it.
struct PluginReport {
  std::string path;
  std::string name;  ///< empty until it is known
  std::string version;
  std::string state;  ///< fleet::name(PluginState), or any other word
  std::string
      reason;     ///< a sentence or more, where it is refused or broken, or serves only some of its types
  int hosts = 0;  ///< ready
  int hosts_wanted = 0;
  int slots = 0;  ///< of the ready hosts
  int restarts = 0;
  std::vector<std::string> types;  ///< that it serves

  bool operator==(const PluginReport&) const = default;
};

/// A job whose handler has been at work for a while.
struct RunningJob {
  std::string id;
  std::string type;
  int attempt = 0;
  std::string plugin;
  int host_pid = 0;                ///< the plugin host's process
  double age = 0;                  ///< seconds since its handler was called
  std::optional<double> fraction;  ///< of the work, 0 to 1; none: its handler has said nothing
  std::string note;
};

/// What became known of a runtime's running jobs since the last time.
struct RunningChanges {
  std::vector<RunningJob> changed;  ///< new ones, and those that said something new
  std::vector<std::string> over;    ///< ids
};

/// Outcomes of one type. They are what settlements say: jobs that are given back count as none.
struct Throughput {
  std::string type;
  double done = 0;
  double retrying = 0;  ///< failed, to be tried again
  double failed = 0;    ///< for good
  double snoozed = 0;
  double busy = 0;  ///< the handlers' time, seconds
};

/// An attempt that ended as done: who ran it, and for how long.
struct Trace {
  std::string id;
  int attempt = 0;
  int host_pid = 0;  ///< the plugin host's process
  double age = 0;    ///< seconds since it ended
  double took = 0;   ///< seconds that its handler was at work
};

}  // namespace sluice::store
