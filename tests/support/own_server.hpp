// A PostgreSQL server for one test, which may stop and freeze it, unlike the server that all tests share.
// While this object exists, TestDatabase creates its databases on it.
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
  /// Suspends all processes of the server, as if the machine hung: connections stay open, but nothing
  /// answers.
  void freeze();
  void thaw();

 private:
  std::string script(const std::string& command) const;

  Scratch scratch_;
  std::string shared_;           ///< the URL of the shared server
  std::vector<pid_t> frozen_{};  ///< the main process first
};

/// Freezes the server as long as this object exists.
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
