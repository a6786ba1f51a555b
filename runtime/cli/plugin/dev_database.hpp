// The PostgreSQL that `sluice plugin dev` starts where no database is given.
#pragma once

#include <optional>
#include <string>

#include "cli/plugin/dev_state.hpp"
#include "cli/plugin/dev_waiter.hpp"
#include "workshop/private_server.hpp"
#include "workshop/process.hpp"

namespace sluice::cli {

class DevDatabase {
 public:
  /// Throws what workshop::PrivateServer does.
  DevDatabase(DevWaiter& waiter, const DevState& state);
  /// Ends it, with its sessions.
  ~DevDatabase();
  DevDatabase(const DevDatabase&) = delete;
  DevDatabase& operator=(const DevDatabase&) = delete;

  /// Has it take connections, where it does not run. Throws std::runtime_error and Interrupted.
  void start();
  const std::string& url() const { return server_.url(); }
  /// Where it is.
  std::string place() const { return server_.home().string(); }
  /// Can be read once it has ended; -1 while it does not run.
  int fd() const { return process_ ? process_->fd() : -1; }
  /// Says so where it has ended by itself.
  void notice_end();

 private:
  void await_leftover();
  void make(int log);

  DevWaiter& waiter_;
  const std::filesystem::path log_;
  const workshop::PrivateServer server_;
  std::optional<workshop::Process> process_;
};

}  // namespace sluice::cli
