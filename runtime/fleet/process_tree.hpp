// Which process started which, from /proc.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <vector>

namespace sluice::fleet {

/// The processes at one moment, or, if the kernel lists the children of each process, at the moment of each
/// question.
class ProcessTree {
 public:
  ProcessTree();
  /// Its children, also those that have ended and that it has not waited for.
  std::vector<pid_t> children_of(pid_t process) const;
  /// Its children, their children, and so on, each after its parent.
  std::vector<pid_t> descendants_of(pid_t process) const;

 private:
  std::optional<std::map<pid_t, std::vector<pid_t>>> children_;  // nullopt: the kernel lists them
};

/// The numbers of its threads; none: there is no such process.
std::vector<pid_t> threads_of(pid_t process);

/// The children that the kernel lists for a thread of `process`.
std::vector<pid_t> children_of_thread(pid_t process, pid_t thread);

/// The process that started `process`, or adopted it; 0 if there is no such process.
pid_t parent_of(pid_t process);

}  // namespace sluice::fleet
