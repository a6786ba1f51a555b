// A PostgreSQL server of one folder's own, on a Unix socket in it and on no port. Here is what it takes to
// make it, to start it and to know when it is ready; to run the programs is for the caller.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "workshop/process.hpp"

namespace sluice::workshop {

class PrivateServer {
 public:
  /// In `folder`, which is made; its data stays there for the next time. Where the path is too long for a
  /// socket, or PostgreSQL's user can't get there (it refuses to run as root), a folder below /var/tmp takes
  /// its place, which `folder`/home names. Throws std::runtime_error in one sentence where there is no
  /// PostgreSQL, or none that fits.
  explicit PrivateServer(const std::filesystem::path& folder);

  /// What makes the data; none where it is there. It writes to the log, and adopt() takes what it made.
  std::optional<Launch> make(int log) const;
  void adopt() const;

  /// A server that an earlier owner left here, as one does that is killed; 0: none. Takes away what one that
  /// is gone has left.
  pid_t leftover() const;
  Launch start(int log) const;
  /// Whether the server that start() began takes connections.
  bool ready(pid_t server) const;

  /// As `sluice` and `psql` take it.
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
