// Starts a plugin host: posix_spawn of this same binary, in a process group of its own, without the
// database's credentials in its environment.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/descriptor.hpp"

namespace sluice::fleet {

struct Spawned {
  pid_t pid = -1;
  base::Descriptor socket;  ///< our end, non-blocking
  base::Descriptor out;     ///< what it prints to stdout, likewise
  base::Descriptor err;     ///< and to stderr
};

/// Starts a host for the plugin at `path` (the host is told to load it by a frame; here it names the
/// process). Throws std::system_error.
Spawned spawn_host(const std::string& executable, const std::string& path, int page_fd);

/// True for environment variables that a plugin host must not see: PG…, …DATABASE_URL…, …DIRECT_URL…, the
/// configurations of plugins, which it gets by other means, and what speaks to systemd.
bool is_withheld(const std::string& variable);

/// "was killed by signal 11 (Segmentation fault)", "ended with exit status 3".
std::string describe_exit(int wait_status);

}  // namespace sluice::fleet
