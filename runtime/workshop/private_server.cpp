#include "workshop/private_server.hpp"

#include <pwd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/descriptor.hpp"
#include "workshop/toolchain.hpp"

namespace sluice::workshop {

namespace {

namespace fs = std::filesystem;

constexpr const char* port = "5432";  // part of the socket's name; nothing listens on it

[[noreturn]] void fail(const std::string& what, const std::error_code& error) {
  throw std::runtime_error("can't " + what + ": " + error.message());
}

std::string first_line(const fs::path& file) {
  std::string line;
  std::ifstream in(file);
  std::getline(in, line);
  return line;
}

/// The environment without PG… variables, which would lead the programs to another server.
std::vector<std::string> plain_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("PG")) variables.emplace_back(*variable);
  }
  return variables;
}

bool may_pass(const fs::path& folder, const User& user) {
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0) return false;
  if (status.st_uid == user.uid) return (status.st_mode & S_IXUSR) != 0;
  if (status.st_gid == user.gid) return (status.st_mode & S_IXGRP) != 0;
  return (status.st_mode & S_IXOTH) != 0;
}

bool can_be_home(const fs::path& folder, const std::optional<User>& user) {
  if ((folder / ".s.PGSQL.5432.lock").string().size() >= sizeof(sockaddr_un{}.sun_path)) return false;
  for (fs::path above = folder.parent_path(); user; above = above.parent_path()) {
    if (!may_pass(above, *user)) return false;
    if (above == above.root_path()) break;
  }
  return true;
}

fs::path new_temporary_folder() {
  std::string pattern = "/var/tmp/sluice-dev-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr)
    fail("make a folder in /var/tmp", std::error_code(errno, std::generic_category()));
  return pattern;
}

std::string encoded(const std::string& path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 &&
        (std::isalnum(byte) != 0 || std::string_view("/._-").find(c) != std::string_view::npos)) {
      text += c;
    } else {
      text += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return text;
}

int number_of(const std::string& version) {
  return std::atoi(version.c_str());
}

/// The folders of the versions that packages install side by side, the newest first.
std::vector<fs::path> installed_versions() {
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator("/usr/lib/postgresql", error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (access((entry->path() / "bin" / "initdb").c_str(), X_OK) == 0) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return number_of(a.filename().string()) > number_of(b.filename().string());
  });
  return found;
}

/// The version of server programs ("15"), from their own output: "postgres (PostgreSQL) 15.14 (Debian
/// 15.14-0+deb12u1)".
std::string version_of(const fs::path& programs) {
  const base::Descriptor words(memfd_create("version", MFD_CLOEXEC));
  Launch launch;
  launch.words = {(programs / "postgres").string(), "--version"};
  launch.out = words.get();
  try {
    Process(launch).wait();
  } catch (const std::system_error&) {
    return "";
  }
  const std::string text = first_line("/proc/self/fd/" + std::to_string(words.get()));
  return std::to_string(number_of(text.substr(std::min(text.size(), text.find(") ") + 2))));
}

bool runs_here(pid_t pid, const fs::path& data) {
  std::error_code error;
  const fs::path process = fs::path("/proc") / std::to_string(pid);
  return fs::read_symlink(process / "exe", error).filename().string().starts_with("postgres") &&
         fs::equivalent(fs::read_symlink(process / "cwd", error), data, error);
}

}  // namespace

PrivateServer::PrivateServer(const fs::path& folder) {
  find_user();
  find_home(folder);
  find_programs();
  url_.append("postgresql://sluice@localhost:").append(port).append("/postgres?host=");
  url_ += encoded(home_.string());
}

/// PostgreSQL refuses to run as root.
void PrivateServer::find_user() {
  if (geteuid() != 0) return;
  for (const char* name : {"postgres", "nobody"}) {
    const passwd* found = getpwnam(name);
    if (found == nullptr) continue;
    user_ = User{found->pw_uid, found->pw_gid};
    return;
  }
  throw std::runtime_error(
      "can't start PostgreSQL: it refuses to run as root, and there is no user 'postgres' or 'nobody' to run "
      "it as; run sluice as another user, or name a database with --database-url");
}

void PrivateServer::find_home(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail("make " + folder.string(), error);
  const fs::path elsewhere = first_line(folder / "home");
  home_ = folder;
  if (!elsewhere.empty() && fs::is_directory(elsewhere, error)) {
    home_ = elsewhere;
  } else if (!can_be_home(folder, user_)) {
    home_ = new_temporary_folder();
    std::ofstream(folder / "home") << home_.string() << "\n";
  }
  if (user_ && chown(home_.c_str(), user_->uid, user_->gid) != 0)
    fail("give " + home_.string() + " to PostgreSQL's user", {errno, std::generic_category()});
  fs::permissions(home_, fs::perms::owner_all, error);
  if (error) fail("set the permissions of " + home_.string(), error);
}

/// The programs of the version that made the data, or else of the newest version.
void PrivateServer::find_programs() {
  const std::string version = first_line(data() / "PG_VERSION");
  std::vector<fs::path> places;
  for (const fs::path& installed : installed_versions()) places.push_back(installed / "bin");
  if (const fs::path initdb = find_program("initdb"); !initdb.empty()) places.push_back(initdb.parent_path());
  const auto fits = [&](const fs::path& programs) {
    return version.empty() || version_of(programs) == version;
  };
  const auto found = std::find_if(places.begin(), places.end(), fits);
  if (found != places.end()) {
    programs_ = *found;
  } else if (places.empty()) {
    throw std::runtime_error(
        "no PostgreSQL server was found in /usr/lib/postgresql or on the PATH; install the package "
        "postgresql, or name a database with --database-url");
  } else {
    throw std::runtime_error("the database in " + data().string() + " was made by PostgreSQL " + version +
                             ", which is no longer installed; install the package postgresql-" + version +
                             ", or delete that folder to start with an empty database");
  }
}

std::optional<Launch> PrivateServer::make(int log) const {
  if (fs::exists(data() / "PG_VERSION")) return std::nullopt;
  std::error_code error;
  fs::remove_all(home_ / "data.new", error);  // left by an interrupted attempt
  Launch initdb;
  initdb.words = {(programs_ / "initdb").string(),
                  "-D",
                  (home_ / "data.new").string(),
                  "-U",
                  "sluice",
                  "--auth=trust",
                  "--encoding=UTF8",
                  "--locale=C.UTF-8",
                  "--no-sync"};
  initdb.directory = "/";
  initdb.environment = plain_environment();
  initdb.user = user_;
  initdb.out = initdb.err = log;
  initdb.death_signal = SIGTERM;
  return initdb;
}

void PrivateServer::adopt() const {
  std::error_code error;
  fs::rename(home_ / "data.new", data(), error);
  if (error) fail("rename " + (home_ / "data.new").string(), error);
}

/// PostgreSQL itself does not notice if another process has got the same number since.
pid_t PrivateServer::leftover() const {
  const pid_t pid = number_of(first_line(data() / "postmaster.pid"));
  if (pid <= 1) return 0;
  if (runs_here(pid, data())) return pid;
  std::error_code error;
  fs::remove(data() / "postmaster.pid", error);
  fs::remove(home_ / ".s.PGSQL.5432.lock", error);
  return 0;
}

Launch PrivateServer::start(int log) const {
  Launch server;
  server.words = {(programs_ / "postgres").string(), "-D", data().string(), "-k", home_.string(), "-p", port};
  for (const char* setting : {"listen_addresses=", "unix_socket_permissions=0700", "synchronous_commit=off",
                              "log_destination=stderr", "logging_collector=off"}) {
    server.words.insert(server.words.end(), {"-c", setting});
  }
  server.directory = "/";
  server.environment = plain_environment();
  server.user = user_;
  server.out = server.err = log;
  server.death_signal = SIGTERM;  // a runtime gets one too, and can still write outcomes
  return server;
}

/// Like pg_ctl, which reads the first and the eighth line.
bool PrivateServer::ready(pid_t server) const {
  constexpr int state_line = 7;
  std::ifstream file(data() / "postmaster.pid");
  std::string line;
  std::getline(file, line);
  if (number_of(line) != server) return false;
  for (int i = 0; i < state_line; ++i) std::getline(file, line);
  return file && line.starts_with("ready");
}

}  // namespace sluice::workshop
