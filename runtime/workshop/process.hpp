// A program that is started, watched and ended: a build, a server, a runtime. It has its own process group,
// so Ctrl-C on the terminal reaches only its starter. It does not outlive its starter, however that ends.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.hpp"

namespace sluice::workshop {

/// A user that a process runs as.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Launch {
  std::vector<std::string> words;                            ///< the first is the program's path
  std::string directory = {};                                ///< its working directory; empty: ours
  std::optional<std::vector<std::string>> environment = {};  ///< "NAME=value"; nullopt: our environment
  std::optional<User> user = {};                             ///< nullopt: our user
  int out = -1;                                              ///< its standard output; -1: ours
  int err = -1;                                              ///< its standard error, likewise
  int death_signal = SIGKILL;                                ///< the signal that it gets if this process dies
  int ignored_signal = 0;  ///< a signal that it ignores until it handles it; 0: none
};

/// A descriptor of the process, which becomes readable when the process has ended; -1, with errno, if there
/// is none.
int open_process(pid_t pid);

class Process {
 public:
  /// Throws std::system_error, which names the program, if it can't be started.
  explicit Process(const Launch& launch);
  /// Ends it, with SIGTERM first.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  /// Becomes readable when it has ended.
  int fd() const { return handle_.get(); }
  /// How it ended, as from waitpid; nullopt while it runs.
  std::optional<int> ended();
  /// Waits until it ends. Returns how it ended, as from waitpid.
  int wait();
  void signal(int number);
  /// Ends it: sends `number` to its whole group, and SIGKILL if it still runs after `patience`. If it is a
  /// runtime, what its plugin hosts left behind ends, too.
  void end(int number, std::chrono::milliseconds patience);

 private:
  void keep(int status);

  pid_t pid_ = -1;
  base::Descriptor handle_;
  std::optional<int> status_;
};

}  // namespace sluice::workshop
