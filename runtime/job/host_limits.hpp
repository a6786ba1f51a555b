// What the operator allows a plugin host to take, and when a host is replaced. Absent: no limit. Values
// alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::job {

struct HostLimits {
  // of a host and the processes that it starts, together
  std::optional<std::int64_t> memory;  ///< resident bytes
  std::optional<int> tasks;            ///< processes and threads

  // of each process, by the kernel
  std::optional<int> open_files;
  std::optional<std::int64_t> file_size;  ///< bytes
  std::optional<std::int64_t> core;       ///< bytes of a core file
  std::optional<int> cpus;                ///< processors
  std::optional<int> nice;                ///< priority
  std::optional<int> io_priority;         ///< 0 to 7, the lowest

  // marks beyond which another host takes over, and this one ends after its jobs
  std::optional<int> recycle_jobs;
  std::optional<std::chrono::microseconds> recycle_age;
  std::optional<std::int64_t> recycle_memory;  ///< counted as `memory`

  bool operator==(const HostLimits&) const = default;
};

/// Whether a runtime uses control groups to limit its hosts.
enum class ControlGroups {
  automatic,  ///< if it can have them
  off,
  require,  ///< it does not start without them
};

/// Those that are set, as keys and values of the configuration: "memory 512MB". `keeper`: what holds `memory`
/// and `tasks`, "memory 512MB (watched)".
std::vector<std::string> words_of(const HostLimits& limits, const std::string& keeper = "");

}  // namespace sluice::job
