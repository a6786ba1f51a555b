// A program that is started, watched and ended: a build, a server, a runtime. It has a process group of its
// own, so that Ctrl-C on the terminal is for its starter alone, and it does not outlive its starter, however
// that ends.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.hpp"

namespace sluice::workshop {

/// A user that a process becomes.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Launch {
  std::vector<std::string> words;                            ///< the first is the program's path
  std::string directory = {};                                ///< where it runs; empty: here
  std::optional<std::vector<std::string>> environment = {};  ///< "NAME=value"; none: ours
  std::optional<User> user = {};                             ///< none: ours
  int out = -1;                                              ///< what its standard output is; -1: ours
  int err = -1;                                              ///< likewise its standard error
  int death_signal = SIGKILL;                                ///< what it gets when this process dies
  int ignored_signal = 0;  ///< which it ignores until it says otherwise; 0: none
};

/// A descriptor of the process, which can be read once that has ended; -1, with errno, where there is none.
int open_process(pid_t pid);

class Process {
 public:
  /// Throws std::system_error that names the program where it can't be started.
  explicit Process(const Launch& launch);
  /// Ends it, with SIGTERM first.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  /// Can be read once it has ended.
  int fd() const { return handle_.get(); }
  /// How it ended, as waitpid tells it; none while it runs.
  std::optional<int> ended();
  /// Waits until it ends: how that was, as waitpid tells it.
  int wait();
  void signal(int number);
  /// Has it end: `number` to its whole group, and SIGKILL where it is still there after `patience`.
  void end(int number, std::chrono::milliseconds patience);

 private:
  pid_t pid_ = -1;
  base::Descriptor handle_;
  std::optional<int> status_;
};

}  // namespace sluice::workshop
