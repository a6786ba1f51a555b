// A PostgreSQL server for one folder, on a Unix socket in it and without a port. This knows how to create it,
// how to start it, and when it is ready; the caller runs the programs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "workshop/process.hpp"

namespace sluice::workshop {

class PrivateServer {
 public:
  /// Uses `folder`, which is created. Its data stays there for the next time. If the path is too long for a
  /// socket, or PostgreSQL's user can't access it (PostgreSQL refuses to run as root), a folder below
  /// /var/tmp is used instead, which `folder`/home names. Throws std::runtime_error with one sentence if no
  /// PostgreSQL is installed, or none that fits.
  explicit PrivateServer(const std::filesystem::path& folder);

  /// The command that creates the data; nullopt if it exists. It writes to the log, and adopt() takes over
  /// the result.
  std::optional<Launch> make(int log) const;
  void adopt() const;

  /// A server that an earlier owner left here, for example because it was killed; 0: none. Removes the
  /// remains of a server that no longer runs.
  pid_t leftover() const;
  Launch start(int log) const;
  /// Whether the server that start() began accepts connections.
  bool ready(pid_t server) const;

  /// In the form that `sluice` and `psql` accept.
  const std::string& url() const { return url_; }
  const std::filesystem::path& home() const { return home_; }

 private:
  std::filesystem::path data() const { return home_ / "data"; }
  void find_user();
  void find_home(const std::filesystem::path& folder);
  void find_programs();

  std::optional<User> user_;
  std::filesystem::path home_;
  std::filesystem::path programs_;
  std::string url_;
};

}  // namespace sluice::workshop
