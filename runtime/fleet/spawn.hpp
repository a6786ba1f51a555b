// Starts a plugin host: posix_spawn of sluice-host, in a session of its own, with an environment without the
// database's credentials.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "base/descriptor.hpp"
#include "job/host_limits.hpp"

namespace sluice::fleet {

struct Spawned {
  pid_t pid = -1;
  base::Descriptor socket;  ///< our end, non-blocking
  base::Descriptor out;     ///< the host's stdout, likewise
  base::Descriptor err;     ///< and its stderr
};

/// Starts a host for the plugin at `path`, which only names the process; a frame tells the host to load it.
/// `plugin_fd`: the plugin's file, which the host gets as wire::plugin_fd; -1: none. From then on, other
/// processes of the same user can't inspect this one, as a plugin might to get the database's credentials: no
/// ptrace, no /proc/PID/environ. This process adopts what the host leaves behind (fleet/orphans.hpp). Throws
/// std::system_error, and what host_program() throws.
Spawned spawn_host(const std::string& path, int page_fd, int plugin_fd = -1);

/// A program that answers one question.
struct HelperProcess {
  pid_t pid = -1;
  base::Descriptor in;   ///< our end of its stdin, non-blocking
  base::Descriptor out;  ///< and of its stdout
};

/// Starts sluice-symbols for a stack of the plugin at `path`, whose file is `plugin_fd`, or -1. Throws as
/// spawn_host().
HelperProcess spawn_symbols(const std::string& path, int plugin_fd);

/// Sends SIGKILL to a host that has not been waited for, and to its process group.
void kill_host(const Spawned& host);

/// Sets what the kernel enforces, in the host's process; processes and threads that it starts inherit it.
/// Throws std::runtime_error if the kernel refuses a limit.
void limit_host(const Spawned& host, const job::HostLimits& limits, int slots);

/// From now on no host gets these variables, which hold secrets of plugins. For the event loop's thread.
void withhold(const std::set<std::string>& variables);

/// True for environment variables that a plugin host must not see: PG…, …DATABASE_URL…, …DIRECT_URL…, the
/// plugins' configurations, which it gets in another way, and the variables of systemd's notifications.
bool is_withheld(const std::string& variable);

/// "signal 11 (Segmentation fault)"
std::string signal_words(int signal);
/// "was killed by signal 11 (Segmentation fault)", "ended with exit status 3".
std::string describe_exit(int wait_status);

}  // namespace sluice::fleet
