// Measures what a plugin host takes, with the processes that it started, from /proc. For the event loop's
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/host_limits.hpp"
#include "fleet/spawn.hpp"

namespace sluice::fleet {

/// What the hosts of a plugin take, without the processes that they have started and not waited for.
struct HostTotals {
  double cpu_seconds = 0;     ///< never becomes less: hosts that have ended count, too
  double resident_bytes = 0;  ///< of those that exist
  double oldest_age = 0;      ///< seconds since the oldest one that serves became ready; 0 without one
  double killed_orphans = 0;  ///< processes that hosts left behind when they ended, without their descendants
};

/// What one host takes now.
struct HostFigures {
  pid_t pid = 0;
  std::string state;  ///< name(HostState)
  double age = 0;     ///< seconds since it became ready; 0: it is not
  double cpu_seconds = 0;
  double resident_bytes = 0;
  std::string version;  ///< of the plugin, which differs while another edition drains or is compared
};

class HostGauge {
 public:
  /// `exact_above`: from that memory on, memory that processes share is divided among them. This is slow for
  /// a large process, so below it is counted for each.
  HostUsage measure(const Spawned& host, std::optional<std::int64_t> exact_above);

 private:
  std::vector<pid_t> strays_;  // its descendants, if the kernel does not list children
  int looks_ = 0;
};

}  // namespace sluice::fleet
