// The descriptors under which a plugin host finds what the runtime gives it, and the signal by which the
// runtime asks a host's thread for its stack.
#pragma once

#include <signal.h>

namespace sluice::wire {

inline constexpr int socket_fd = 3;
inline constexpr int page_fd = 4;
inline constexpr int plugin_fd = 5;  ///< the file to load, if its path does not lead to it any more
/// The same file for dlopen().
inline constexpr const char* plugin_fd_path = "/proc/self/fd/5";

/// Rarely used by libraries. Its number differs between C libraries' versions.
inline int stack_signal() {
  return SIGRTMAX - 3;
}

}  // namespace sluice::wire
