// Measures what a plugin host takes, with the processes that it started, from /proc. For the event loop's
// thread.
#pragma once

#include <optional>
#include <vector>

#include "fleet/host_limits.hpp"
#include "fleet/spawn.hpp"

namespace sluice::fleet {

class HostGauge {
 public:
  /// `exact_above`: from that memory on, memory that processes share is divided among them. This is slow for
  /// a large process, so below it is counted for each.
  HostUsage measure(const Spawned& host, std::optional<std::int64_t> exact_above);

 private:
  std::vector<pid_t> strays_;  // those that are no descendants, because their parents have ended
  int looks_ = 0;
};

}  // namespace sluice::fleet
