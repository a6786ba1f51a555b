// The PostgreSQL server that `sluice plugin dev` starts if no database is given.
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
  /// Throws like workshop::PrivateServer.
  DevDatabase(DevWaiter& waiter, const DevState& state);
  /// Ends the server and its sessions.
  ~DevDatabase();
  DevDatabase(const DevDatabase&) = delete;
  DevDatabase& operator=(const DevDatabase&) = delete;

  /// Starts the server if it does not run, and waits until it accepts connections. Throws std::runtime_error
  /// and Interrupted.
  void start();
  const std::string& url() const { return server_.url(); }
  /// The server's folder.
  std::string place() const { return server_.home().string(); }
  /// Readable when the server has ended; -1 if it does not run.
  int fd() const { return process_ ? process_->fd() : -1; }
  /// Prints a message if the server has ended by itself.
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
