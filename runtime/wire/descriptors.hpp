// The descriptors under which a plugin host finds what the runtime gives it.
#pragma once

namespace sluice::wire {

inline constexpr int socket_fd = 3;
inline constexpr int page_fd = 4;
inline constexpr int plugin_fd = 5;  ///< the file to load, if its path does not lead to it any more
/// The same file for dlopen().
inline constexpr const char* plugin_fd_path = "/proc/self/fd/5";

}  // namespace sluice::wire
