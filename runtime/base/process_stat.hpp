// What the kernel tells about a process in /proc/PID/stat.
#pragma once

#include <sys/types.h>

#include <optional>

namespace sluice::base {

struct ProcessStat {
  pid_t parent = 0;                 ///< that started it, or adopted it
  double cpu_seconds = 0;           ///< of the process alone
  double children_cpu_seconds = 0;  ///< of those that it has waited for
  double started = 0;               ///< seconds since the machine booted
  double resident_bytes = 0;
  double virtual_bytes = 0;
};

/// Also of a process that has ended and that its parent has not waited for. Nullopt if there is no such
/// process.
std::optional<ProcessStat> process_stat(pid_t process);

/// The processor time that a thread of a process has used.
std::optional<double> thread_cpu_seconds(pid_t process, pid_t thread);

}  // namespace sluice::base
