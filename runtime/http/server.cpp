#include "http/server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include "base/config.hpp"
#include "base/log.hpp"
#include "http/connection.hpp"

namespace sluice::http {

namespace {

using Clock = Connection::Clock;

constexpr std::chrono::seconds listen_again_after{1};
constexpr int backlog = 128;
constexpr std::size_t most_payload = 1024;

/// When the connection came that this thread works on: its time runs while it waits for a thread, too.
thread_local Clock::time_point connected_at{};

class Workers : public httplib::ThreadPool {
 public:
  using ThreadPool::ThreadPool;
  void enqueue(std::function<void()> serve) override {
    ThreadPool::enqueue([serve = std::move(serve), now = Clock::now()] {
      connected_at = now;
      serve();
    });
  }
};

/// Unlike the library's own choice, two processes can't share a port: the second would take half of the
/// first one's requests.
void prepare_socket(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  fcntl(socket, F_SETFD, FD_CLOEXEC);
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::string list_of(const std::map<std::string, Server::Maker>& pages) {
  std::string list;
  for (const auto& [path, make] : pages) list += (list.empty() ? "" : ", ") + path;
  return list;
}

}  // namespace

class Server::Listener : public httplib::Server {
 public:
  Listener(base::Address address, const std::map<std::string, Maker>& pages, ServerOptions options);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const base::Address& address() const { return address_; }

 private:
  void add(const std::string& path, const Maker& make);
  bool bind();
  void run();
  bool open(socket_t socket);
  void close(socket_t socket);
  bool process_and_close_socket(socket_t socket) override;

  const ServerOptions options_;
  base::Address address_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;    // protected by mutex_, like all below
  bool ended_ = false;       // the thread is about to
  std::set<socket_t> open_;  // the connections

  std::jthread thread_;
};

Server::Listener::Listener(base::Address address, const std::map<std::string, Maker>& pages,
                           ServerOptions options)
    : options_(options), address_(std::move(address)) {
  for (const auto& [path, make] : pages) add(path, make);
  set_socket_options(prepare_socket);
  set_tcp_nodelay(true);
  set_payload_max_length(most_payload);
  set_error_handler([list = list_of(pages)](const httplib::Request&, httplib::Response& response) {
    if (response.status == 404) response.set_content("There is " + list + " here.\n", "text/plain");
  });
  new_task_queue = [count = options_.threads] { return new Workers(count); };  // the library owns it
  errno = 0;
  if (!bind()) {
    const std::string reason = errno == 0 ? "there is no such host" : std::strerror(errno);
    throw base::UsageError("listening for HTTP on " + address_.text() + " failed: " + reason +
                           "; name another address with --listen, SLUICE_HTTP_LISTEN or http.listen (port 0 "
                           "takes any free one), or end what listens there");
  }
  thread_ = std::jthread([this] { run(); });
}

Server::Listener::~Listener() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (const socket_t socket : open_) shutdown(socket, SHUT_RD);  // who has not asked by now won't
  changed_.notify_all();
  // Until it listens there is nothing to stop.
  while (!ended_ && !is_running()) changed_.wait_for(lock, std::chrono::milliseconds(1));
  lock.unlock();
  if (is_running()) stop();
}

void Server::Listener::add(const std::string& path, const Maker& make) {
  Get(path, [path, make](const httplib::Request&, httplib::Response& response) {
    try {
      const Page page = make();
      response.status = page.status;
      response.set_content(page.body, page.type);
    } catch (const std::exception& error) {
      log::error("a page could not be made", {{"path", path}, {"reason", error.what()}});
      response.status = 500;
      response.set_content(std::string(error.what()) + "\n", "text/plain");
    }
    response.set_header("Cache-Control", "no-store");
  });
}

bool Server::Listener::bind() {
  if (address_.port == 0) {
    address_.port = std::max(0, bind_to_any_port(address_.host));
  } else if (!bind_to_port(address_.host, address_.port)) {
    return false;
  }
  return address_.port > 0 && ::listen(svr_sock_, backlog) == 0;  // the library's own is 5
}

/// The library gives up listening when the system is out of files or memory, which passes.
void Server::Listener::run() {
  block_signals();
  for (;;) {
    listen_after_bind();
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, listen_again_after, [&] { return stopping_; })) {
      ended_ = true;
      return changed_.notify_all();
    }
    log::error("listening for HTTP was broken off, beginning again", {{"address", address_.text()}});
    bind();
  }
}

bool Server::Listener::open(socket_t socket) {
  const std::lock_guard lock(mutex_);
  if (!stopping_) open_.insert(socket);
  return !stopping_;
}

void Server::Listener::close(socket_t socket) {
  const std::lock_guard lock(mutex_);
  open_.erase(socket);
  shutdown(socket, SHUT_RDWR);
  ::close(socket);
}

bool Server::Listener::process_and_close_socket(socket_t socket) {
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  bool answered = false;
  if (open(socket)) {
    const auto deadline = std::max(connected_at + options_.patience, Clock::now() + options_.patience / 20);
    Connection connection(socket, deadline);
    bool closed = false;
    answered = process_request(connection, true, closed, nullptr);
  }
  close(socket);
  return answered;
}

Server::Server(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options)
    : listener_(std::make_unique<Listener>(address, std::move(pages), options)) {}

Server::~Server() = default;

const base::Address& Server::address() const {
  return listener_->address();
}

}  // namespace sluice::http
