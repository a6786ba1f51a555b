// What share of processors and disks the processes of a host get beside those of others. The kernel enforces
// it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "job/host_limits.hpp"

namespace sluice::fleet {

/// Has a host, and what it starts, compute for twice as long at a time as others do, and at least 3 ms. So
/// when the runtime or the database wakes and finds handlers on all processors, it goes first (sched(7);
/// Linux 6.12 and newer). Does not change the host's share. Older kernels ignore it.
void give_long_turns(pid_t host);
inline constexpr std::chrono::milliseconds least_host_turns{3};

/// Sets `cpus`, `nice` and `io_priority` for all threads that the host has by now. Those that it starts later
/// inherit them. Throws std::runtime_error if the kernel refuses one.
void set_share(pid_t host, const job::HostLimits& limits);

/// Throws std::runtime_error. `error`: the kernel's; `expected`: what it would take, and what to do.
[[noreturn]] void refuse_limit(const std::string& key, const std::string& value, int error,
                               const std::string& expected);

/// Sets `nice` of the host's session (autogroup, sched(7)): kernels that share processors among sessions
/// ignore that of a thread beside other sessions. False: another process has set one within 0.1 s, so the
/// kernel wants it tried again later.
bool set_session_nice(pid_t host, int nice);

}  // namespace sluice::fleet
