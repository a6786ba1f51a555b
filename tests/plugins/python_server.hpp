// A server written in Python as a process that belongs to one test. The script gets a directory for its
// records and its options as JSON, prints the port that it listens on, and ends when its standard input
// ends.
#pragma once

#include <sys/types.h>

#include <string>

#include "support/scratch.hpp"

namespace sluice::test {

class PythonServer {
 public:
  /// Returns when the server listens. Throws std::runtime_error if it does not start.
  PythonServer(const std::string& script, const std::string& options);
  ~PythonServer();
  PythonServer(const PythonServer&) = delete;
  PythonServer& operator=(const PythonServer&) = delete;

  int port() const { return port_; }
  const Scratch& records() const { return scratch_; }
  /// Stops the process with SIGSTOP; its connections stay open.
  void freeze() const;

 private:
  Scratch scratch_;
  pid_t pid_ = -1;
  int input_ = -1;  // the server ends when this is closed, also if the test crashes
  int port_ = 0;
};

}  // namespace sluice::test
