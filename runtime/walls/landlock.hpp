// Which files, TCP ports and processes this process may reach, enforced by the kernel (Landlock).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::walls {

/// A set of rules, which only allows what is added to it. As far as the kernel's version can, it restricts
/// files, connections to TCP ports, listening on them, abstract Unix sockets and signals to other processes.
class Landlock {
 public:
  /// `version` as base::landlock_version() returns it, at least 1. `ports`: ports are restricted. Throws
  /// std::system_error.
  Landlock(int version, bool ports);
  ~Landlock();
  Landlock(const Landlock&) = delete;
  Landlock& operator=(const Landlock&) = delete;

  /// Allows reading a file, or a folder with all that it contains, and executing it. Returns 0, or the errno
  /// with which opening the path failed.
  int allow_reading(const std::string& path) { return allow(path, read_rights); }
  /// Likewise, if it is a regular file with an absolute path. Of anything else, nothing is allowed: EINVAL.
  int allow_reading_file(const std::string& path) { return allow(path, read_rights, true); }
  /// The same for reading and writing, without executing.
  int allow_writing(const std::string& path) { return allow(path, write_rights); }
  void allow_connecting(std::uint16_t port);

  /// Restricts the calling thread, and what it starts from now on, for ever.
  void enforce();

 private:
  static const std::uint64_t read_rights;
  static const std::uint64_t write_rights;

  int allow(const std::string& path, std::uint64_t rights, bool file = false);

  const int version_;
  std::uint64_t file_rights_ = 0;  ///< those that this version knows
  int ruleset_ = -1;
};

/// Keeps the calling thread, and what it starts from now on, from tracing other processes, which includes
/// their memory and environment in /proc, and from signalling them. All else stays allowed. Returns whether
/// the kernel refuses such signals; older kernels, or those without Landlock, enforce less. Throws
/// std::system_error.
bool wall_off();

}  // namespace sluice::walls
