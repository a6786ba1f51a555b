// Control groups (cgroup v2) of plugin hosts: one for each host. In it the kernel limits the memory and the
// processes of the host and of all that it starts, counts what they take, and kills them together, whatever
// session or process group they have moved to. For the event loop's thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "fleet/host_limits.hpp"
#include "job/host_limits.hpp"

namespace sluice::fleet {

/// The group of one host. Its destructor kills whatever is left in it, and removes it.
class ControlGroup {
 public:
  /// Makes the group at `path`, and moves the host into it. If the group can't be removed at its end, because
  /// its last processes are dying, its path is added to `left`. Throws std::system_error.
  ControlGroup(std::string path, pid_t host, std::vector<std::string>& left);
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  /// From now on the kernel enforces `memory` and `tasks`, and `nice` counts for the host as a whole. If it
  /// can't, warns, and enforces() stays false.
  void limit(const job::HostLimits& limits);
  bool enforces() const { return enforces_; }
  /// Sends SIGKILL to all processes in it, also to those that they start meanwhile.
  void kill() const;

  /// If the group is gone, warns, and enforces() is false from then on.
  GroupEvents events();
  /// What all processes took that have ever been in it; nullopt if the kernel doesn't tell.
  std::optional<double> cpu_seconds() const;
  std::optional<std::int64_t> peak_bytes() const;

 private:
  const std::string path_;
  std::vector<std::string>& left_;
  bool enforces_ = false;
};

/// Why there can't be any: "no cgroup v2 is mounted".
class NoControlGroups : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The groups of a runtime's hosts, below the runtime's own group. Outlives them.
///
///   the runtime's own group, as it was started   its processes move to `runtime`, as the kernel wants it
///   ├─ runtime                                   all runtimes that were started there
///   └─ hosts-PID                                 locked by the runtime that made it
///      └─ 1, 2, ...                              a host each
class ControlGroups {
 public:
  /// Moves this process if need be, and removes what runtimes have left behind that were killed. Throws
  /// NoControlGroups.
  ControlGroups();
  ~ControlGroups();
  ControlGroups(const ControlGroups&) = delete;
  ControlGroups& operator=(const ControlGroups&) = delete;

  /// Moves a host into a group of its own. If that fails, warns and returns null.
  std::unique_ptr<ControlGroup> make(pid_t host);
  /// Removes the groups whose last processes have died meanwhile.
  void sweep();
  const std::string& path() const { return path_; }

 private:
  std::string path_;       // hosts-PID
  base::Descriptor lock_;  // on it, as long as this process lives
  std::vector<std::string> left_;
  int made_ = 0;
  bool warned_ = false;  // and has not succeeded since
};

/// What the files of a control group say and do. Those that write throw std::system_error.
namespace group_files {
std::string read(const std::string& group, const char* file);
void write(const std::string& group, const char* file, const std::string& text);
bool has_controller(const std::string& group, const char* file, const std::string& controller);
/// Sends SIGKILL to all processes in the group and in those below it.
void kill(const std::string& group);
/// The same for kernels before 5.14, which have no cgroup.kill.
void kill_each(const std::string& group);
/// Waits a second at most until they have died.
void await_death(const std::string& group);
/// Removes it with those below it. False if one has processes.
bool remove(const std::string& group);
}  // namespace group_files

}  // namespace sluice::fleet
