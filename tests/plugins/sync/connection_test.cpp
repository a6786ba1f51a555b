// A database whose connection breaks, or that never answers. A relay between the plugin and PostgreSQL
// breaks the connection.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "support/scratch.hpp"
#include "support/test_database.hpp"
#include "support/wait.hpp"
#include "sync_plugin.hpp"

namespace sluice::test {
namespace {

class UnixSocket {
 public:
  explicit UnixSocket(int fd) : fd_(fd) {
    if (fd_ < 0) throw std::runtime_error("no socket");
  }
  UnixSocket() : UnixSocket(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~UnixSocket() { close(fd_); }
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  int fd() const { return fd_; }
  void listen_at(const std::string& path) const {
    const sockaddr_un address = address_of(path);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd_, 1) != 0) {
      throw std::runtime_error("can't listen at " + path);
    }
  }
  void connect_to(const std::string& path) const {
    const sockaddr_un address = address_of(path);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("can't connect to " + path);
    }
  }

 private:
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long: " + path);
    path.copy(address.sun_path, path.size());
    return address;
  }

  const int fd_;
};

/// Forwards one connection to the database's server until cut() is called.
class Relay {
 public:
  explicit Relay(TestDatabase& database) {
    server_.connect_to(database.value("SHOW unix_socket_directories") + "/.s.PGSQL." +
                       database.value("SHOW port"));
    door_.listen_at(folder_.path(".s.PGSQL.5432"));
    url_ = "postgresql:///" + database.name() + "?user=" + database.value("SELECT current_user") +
           "&host=" + folder_.path() + "&port=5432";
    thread_ = std::thread([this] { hand_on(); });
  }
  ~Relay() {
    cut();
    thread_.join();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  const std::string& url() const { return url_; }
  void cut() {
    shutdown(door_.fd(), SHUT_RDWR);
    shutdown(server_.fd(), SHUT_RDWR);
  }

 private:
  void hand_on() const {
    const int accepted = accept4(door_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted < 0) return;  // cut before a client connected
    const UnixSocket client(accepted);
    std::array<pollfd, 2> ends{{{client.fd(), POLLIN, 0}, {server_.fd(), POLLIN, 0}}};
    while (poll(ends.data(), ends.size(), -1) > 0) {
      for (std::size_t i = 0; i < ends.size(); ++i) {
        if (ends[i].revents != 0 && !move(ends[i].fd, ends[1 - i].fd)) return;
      }
    }
  }
  static bool move(int from, int to) {
    std::array<char, 4096> bytes{};
    const ssize_t size = recv(from, bytes.data(), bytes.size(), 0);
    return size > 0 && send(to, bytes.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
  }

  const Scratch folder_;
  const UnixSocket door_;
  const UnixSocket server_;
  std::string url_;
  std::thread thread_;
};

SyncPlugin writing_to(const std::string& url, const std::string& more = "") {
  return SyncPlugin(source_at("http://127.0.0.1:1/"), effects_target + (R"(, "url": )" + quoted(url)) + more);
}

constexpr const char* one_record = R"({"source": "x", "target": "database", "data": [{"id": 1}]})";

TEST(SyncDatabaseConnection, ThatBreaksIsReplacedInTheNextAttempt) {
  TestDatabase database;
  database.exec("CREATE TABLE public.item (id int PRIMARY KEY, name text)");
  Session other(database.url());
  other.exec("BEGIN");
  other.exec("LOCK TABLE public.item");
  Relay relay(database);
  std::thread cutter([&] {
    eventually([&] {
      return database.value(
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                 "datname = current_database()") == "1";
    });
    relay.cut();
  });
  const auto outcome = writing_to(relay.url()).run(one_record);
  cutter.join();
  other.exec("COMMIT");
  EXPECT_EQ(outcome.result, SLUICE_RETRY) << said(outcome);
  EXPECT_EQ(outcome.code, "database-connection") << outcome.error;
  EXPECT_NE(outcome.error.find("the connection broke"), std::string::npos) << outcome.error;
  EXPECT_EQ(writing_to(database.url()).run(one_record).result, SLUICE_DONE);
  EXPECT_EQ(database.rows("SELECT id FROM public.item"), "1\n");
}

TEST(SyncDatabaseConnection, ToAServerThatDoesNotAnswerTimesOut) {
  const Scratch folder;
  const UnixSocket silent;
  silent.listen_at(folder.path(".s.PGSQL.5432"));
  const auto outcome =
      writing_to("postgresql:///x?user=u&host=" + folder.path() + "&port=5432", R"(, "connect_timeout": 0.1)")
          .run(one_record);
  EXPECT_EQ(outcome.result, SLUICE_RETRY) << said(outcome);
  EXPECT_EQ(outcome.code, "database-timeout") << outcome.error;
}

}  // namespace
}  // namespace sluice::test
