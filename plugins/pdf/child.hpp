// A process that we talk to over a socket, its standard input. It gets a clean environment, which inherits
// nothing from ours, and a directory for temporary files, which is removed at the end. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "descriptor.hpp"

namespace pdf {

class Child {
 public:
  /// Starts `command`, whose first word is a path. Throws std::runtime_error if it can't be started.
  explicit Child(const std::vector<std::string>& command);
  /// Kills the process.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool is_running();
  /// Kills the process unless it has ended. Returns its status as in wait(2).
  int stop();

  int socket() const { return socket_.get(); }
  /// Its standard output and standard error; -1 after it has closed both.
  int printed() const { return printed_.get(); }
  /// Reads its output so far, and keeps the end of it.
  void collect();
  const std::string& last_words() const { return last_words_; }

 private:
  void start(const std::vector<std::string>& command, int socket, int printed);

  std::string temporary_folder_;
  Descriptor socket_;
  Descriptor printed_;
  std::string last_words_;
  pid_t pid_ = -1;  // -1 after it was reaped
  int status_ = 0;
};

}  // namespace pdf
