// A PostgreSQL server of one test's own, for what a test may not do to the one that all share: stop and
// freeze it. While it lives, TestDatabase makes its databases there.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace sluice::test {

class OwnServer {
 public:
  OwnServer();
  ~OwnServer();
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  void start() const { script("start"); }
  void stop() const { script("stop"); }
  /// Stops all of its processes, as a machine that hangs: connections stay open, and nothing answers.
  void freeze();
  void thaw();

 private:
  std::string script(const std::string& command) const;

  Scratch scratch_;
  std::string shared_;           ///< the server that the others use
  std::vector<pid_t> frozen_{};  ///< the main process first
};

/// The server is frozen while this lives.
class Frozen {
 public:
  explicit Frozen(OwnServer& server) : server_(server) { server_.freeze(); }
  ~Frozen() { server_.thaw(); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  OwnServer& server_;
};

}  // namespace sluice::test
