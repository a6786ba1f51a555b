#include "http/server.hpp"

#include <fcntl.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "base/threads.hpp"
#include "base/usage_error.hpp"
#include "base/without_signals.hpp"

namespace sluice::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::chrono::seconds accept_again_after{1};
constexpr int backlog = 128;
constexpr std::size_t most_connections = 256;
constexpr std::uint64_t most_body = 1024;
constexpr std::uint32_t most_header = 16384;

using Response = beast::http::response<beast::http::string_body>;

std::string list_of(const std::map<std::string, Server::Maker>& pages) {
  std::string list;
  for (const auto& [path, make] : pages) list += (list.empty() ? "" : ", ") + path;
  return list;
}

Page made(const std::string& path, const Server::Maker& make) {
  try {
    return make();
  } catch (const std::exception& error) {
    log::error("a page could not be generated", {{"path", path}, {"reason", error.what()}});
    return {500, "text/plain", std::string(error.what()) + "\n"};
  }
}

/// Whether the error means that a request is invalid, not that none came.
bool invalid(error_code failed) {
  using beast::http::error;
  return failed.category() == beast::http::make_error_code(error::bad_method).category() &&
         failed != error::end_of_stream && failed != error::partial_message;
}

Response response_of(const Page& page, bool with_body) {
  Response response;
  response.result(static_cast<unsigned>(page.status));
  response.set(beast::http::field::content_type, page.type);
  response.set(beast::http::field::cache_control, "no-store");
  response.keep_alive(false);
  if (with_body) response.body() = page.body;
  response.content_length(page.body.size());
  return response;
}

}  // namespace

/// One thread serves all connections and never waits for one of them. Other threads make the pages.
class Server::Listener {
 public:
  Listener(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const base::Address& address() const { return address_; }

 private:
  class Exchange;

  void bind();
  void accept();
  void rest();
  void stop();
  void ended(Exchange& exchange);

  const std::map<std::string, Maker> pages_;
  const ServerOptions options_;
  base::Address address_;

  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  asio::steady_timer resting_{io_};
  bool stopping_ = false;  // only on thread_, like all below
  bool full_ = false;
  std::set<Exchange*> open_;

  std::optional<asio::thread_pool> makers_;
  base::Thread thread_;
};

/// One connection: a request, its answer, and the end. Its pending operations share it, and it is destroyed
/// with the last one.
class Server::Listener::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Listener& listener, tcp::socket socket) : listener_(listener), stream_(std::move(socket)) {
    listener_.open_.insert(this);
    parser_.body_limit(most_body);
    parser_.header_limit(most_header);
  }
  ~Exchange() { listener_.ended(*this); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void read() {
    stream_.expires_after(listener_.options_.patience);
    beast::http::async_read(
        stream_, buffer_, parser_,
        [self = shared_from_this()](error_code failed, std::size_t) { self->asked(failed); });
  }

  /// Stops waiting for a client that has not sent its request yet.
  void stop() {
    if (!asked_) stream_.close();
  }

 private:
  void asked(error_code failed) {
    if (!stream_.socket().is_open()) return;
    if (failed && !invalid(failed)) return;  // no request came, or it came too late
    asked_ = true;
    if (failed) return answer({400, "text/plain", "Invalid request: " + failed.message() + ".\n"}, true);
    const auto& request = parser_.get();
    const bool head = request.method() == beast::http::verb::head;
    if (!head && request.method() != beast::http::verb::get)
      return answer({405, "text/plain", "Only GET and HEAD are allowed.\n"}, true);
    const std::string target(request.target());
    make(target.substr(0, target.find('?')), !head);
  }

  void make(const std::string& path, bool with_body) {
    const auto page = listener_.pages_.find(path);
    if (page == listener_.pages_.end())
      return answer(
          {404, "text/plain", "There is no such page. Available: " + list_of(listener_.pages_) + ".\n"},
          with_body);
    asio::post(*listener_.makers_, [self = shared_from_this(), page, with_body,
                                    going_on = asio::make_work_guard(listener_.io_)]() mutable {
      Page ready = made(page->first, page->second);
      Exchange& exchange = *self;  // its last owner must be on the connections' thread
      asio::post(exchange.listener_.io_, [self = std::move(self), ready = std::move(ready), with_body] {
        self->answer(ready, with_body);
      });
    });
  }

  void answer(const Page& page, bool with_body) {
    response_ = response_of(page, with_body);
    stream_.expires_after(listener_.options_.patience);
    serializer_.emplace(response_);
    beast::http::async_write(stream_, *serializer_, [self = shared_from_this()](error_code, std::size_t) {
      error_code ignored;
      self->stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    });
  }

  Listener& listener_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  beast::http::request_parser<beast::http::string_body> parser_;
  bool asked_ = false;
  Response response_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
};

Server::Listener::Listener(const base::Address& address, std::map<std::string, Maker> pages,
                           ServerOptions options)
    : pages_(std::move(pages)), options_(options), address_(address) {
  bind();
  accept();
  const base::WithoutSignals guard;
  makers_.emplace(options_.threads);
  thread_ = base::Thread([this] { io_.run(); });
}

Server::Listener::~Listener() {
  asio::post(io_, [this] { stop(); });
  thread_.join();  // all requests are answered by then
  makers_->join();
}

void Server::Listener::bind() {
  try {
    tcp::resolver resolver(io_);
    const tcp::endpoint endpoint =
        resolver.resolve(address_.host, std::to_string(address_.port), tcp::resolver::passive)
            .begin()
            ->endpoint();
    acceptor_.open(endpoint.protocol());
    fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    if (endpoint.protocol() == tcp::v6()) acceptor_.set_option(asio::ip::v6_only(false));
    acceptor_.bind(endpoint);
    acceptor_.listen(backlog);
    address_.port = acceptor_.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    const bool unknown = error.code().category() == asio::error::get_netdb_category();
    throw base::UsageError("listening for HTTP on " + address_.text() +
                           " failed: " + (unknown ? "unknown host" : error.code().message()) +
                           "; name another address with --listen, SLUICE_HTTP_LISTEN or http.listen (port 0 "
                           "takes any free one), or stop the program that listens there");
  }
}

void Server::Listener::accept() {
  acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
    if (stopping_) return;
    if (failed) {
      log::error("accepting an HTTP connection failed; trying again",
                 {{"address", address_.text()}, {"reason", failed.message()}});
      return rest();
    }
    fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    socket.set_option(tcp::no_delay(true), failed);
    std::make_shared<Exchange>(*this, std::move(socket))->read();
    full_ = open_.size() >= most_connections;
    if (!full_) accept();
  });
}

/// Out of files or memory, which is temporary.
void Server::Listener::rest() {
  resting_.expires_after(accept_again_after);
  resting_.async_wait([this](error_code) {
    if (!stopping_) accept();
  });
}

void Server::Listener::stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  resting_.cancel();
  for (Exchange* exchange : open_) exchange->stop();
}

void Server::Listener::ended(Exchange& exchange) {
  open_.erase(&exchange);
  if (std::exchange(full_, false) && !stopping_) accept();
}

Server::Server(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options)
    : listener_(std::make_unique<Listener>(address, std::move(pages), options)) {}

Server::~Server() = default;

const base::Address& Server::address() const {
  return listener_->address();
}

}  // namespace sluice::http
