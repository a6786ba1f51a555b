#include "http/server.hpp"

#include <fcntl.h>

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <cctype>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <type_traits>
#include <utility>

#include "base/log.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "base/usage_error.hpp"
#include "base/without_signals.hpp"

namespace sluice::http {

namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::chrono::seconds accept_again_after{1};
constexpr int backlog = 128;
constexpr std::size_t most_connections = 256;
constexpr std::size_t most_slow_requests = 64;  // to `rest`, that are being answered or wait for a thread
constexpr std::uint64_t most_body = 1 << 20;
constexpr std::uint32_t most_header = 16384;

using Response = beast::http::response<beast::http::string_body>;

std::string list_of(const std::map<std::string, Server::Maker>& pages) {
  std::string list;
  for (const auto& [path, make] : pages) list += (list.empty() ? "" : ", ") + path;
  return list;
}

/// What the server itself has to say. Programs get a problem (RFC 9457).
Page refused(std::string_view target, int status, const std::string& why) {
  if (target.find("/api/") == std::string_view::npos) return {status, "text/plain", why + "\n"};
  return {status, "application/problem+json",
          "{\"status\": " + std::to_string(status) +
              ", \"detail\": " + base::json_quote(base::valid_utf8(why)) + "}\n"};
}

Page made(const std::string& path, const Server::Maker& make) {
  try {
    return make();
  } catch (const std::exception& error) {
    log::error("a page could not be generated", {{"path", path}, {"reason", error.what()}});
    return refused(path, 500, error.what());
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
  for (const auto& [name, value] : page.headers) response.set(name, value);
  response.keep_alive(false);
  if (with_body) response.body() = page.body;
  response.content_length(page.body.size());
  return response;
}

Page not_allowed() {
  return {405, "text/plain", "Only GET and HEAD are allowed.\n", {{"Allow", "GET, HEAD"}}};
}

std::string in_small_letters(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Request request_of(const beast::http::request<beast::http::string_body>& parsed, const std::string& peer) {
  Request request;
  const bool head = parsed.method() == beast::http::verb::head;
  request.method = head ? "GET" : std::string(parsed.method_string());
  const std::string target(parsed.target());
  const auto mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  for (const auto& field : parsed)
    request.headers[in_small_letters(std::string(field.name_string()))] = std::string(field.value());
  request.body = parsed.body();
  request.peer = peer;
  return request;
}

ssl::context tls_context(const TlsFiles& files) {
  ssl::context context(ssl::context::tls_server);
  const std::string* file = &files.certificate;
  const auto encrypted = std::make_shared<bool>(false);
  try {
    context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                        ssl::context::no_tlsv1_1);
    context.use_certificate_chain_file(files.certificate);
    file = &files.key;
    context.set_password_callback([encrypted](std::size_t, ssl::context::password_purpose) {
      *encrypted = true;
      return std::string();  // instead of a question on the terminal
    });
    context.use_private_key_file(files.key, ssl::context::pem);
  } catch (const boost::system::system_error& error) {
    const std::string why =
        *encrypted
            ? "it is encrypted, and nobody can be asked for its pass phrase; name a key without one, which "
              "only Sluice's user can read"
            : error.code().message() + "; http.certificate and http.key name PEM files that belong together";
    throw base::UsageError("reading the TLS file '" + *file + "' failed: " + why);
  }
  return context;
}

}  // namespace

/// One thread serves all connections and never waits for one of them. Other threads make the pages.
class Server::Listener {
 public:
  Listener(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options,
           Handler rest);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const base::Address& address() const { return address_; }
  std::size_t watchers() const { return watchers_; }
  void tell(std::string event);

 private:
  class Exchange;
  template <class Stream>
  class Connection;

  void bind();
  void accept();
  void receive(tcp::socket socket);
  void pause();
  void make_room();
  void stop();
  void ended(Exchange& exchange);

  const std::map<std::string, Maker> pages_;
  const Handler rest_;
  const ServerOptions options_;
  base::Address address_;
  std::optional<ssl::context> tls_;

  asio::io_context io_;
  tcp::acceptor acceptor_{io_};
  asio::steady_timer resting_{io_};
  bool stopping_ = false;  // only on thread_, like all below
  bool full_ = false;
  std::set<Exchange*> open_;
  std::uint64_t accepted_ = 0;
  std::size_t slow_requests_ = 0;
  std::atomic<std::size_t> watchers_ = 0;  // changed on thread_

  std::optional<asio::thread_pool> makers_;
  std::optional<asio::thread_pool> rest_makers_;
  base::Thread thread_;
};

/// One connection: a request, its answer, and the end. Its pending operations share it, and it is destroyed
/// with the last one.
class Server::Listener::Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  explicit Exchange(Listener& listener) : listener_(listener), number_(++listener.accepted_) {
    listener_.open_.insert(this);
  }
  virtual ~Exchange() {
    if (watches_) --listener_.watchers_;
    listener_.ended(*this);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Later ones have greater numbers.
  std::uint64_t number() const { return number_; }
  /// The client keeps it waiting: it has not sent its request yet, or has not read the answer yet.
  bool is_idle() const { return !watches_ && !making_; }
  /// Gives the client up.
  virtual void drop() = 0;
  /// Stops waiting for a client that has not sent its request yet, or that watches.
  virtual void stop() = 0;
  virtual void tell(const std::shared_ptr<const std::string>& event) = 0;

 protected:
  Listener& listener_;
  const std::uint64_t number_;
  bool asked_ = false;
  bool making_ = false;
  bool watches_ = false;
};

/// With or without TLS.
template <class Stream>
class Server::Listener::Connection : public Server::Listener::Exchange {
 public:
  template <class... Extra>
  Connection(Listener& listener, tcp::socket socket, Extra&... extra)
      : Exchange(listener), peer_(peer_of(socket)), stream_(std::move(socket), extra...) {
    parser_.body_limit(most_body);
    parser_.header_limit(most_header);
  }

  void begin() {
    lowest().expires_after(listener_.options_.patience);
    if constexpr (is_tls) {
      stream_.async_handshake(ssl::stream_base::server, [self = self()](error_code failed) {
        if (!failed) self->read();
      });
    } else {
      read();
    }
  }

  void drop() override { lowest().close(); }

  void stop() override {
    if (!asked_ || watches_) lowest().close();
  }

  void tell(const std::shared_ptr<const std::string>& event) override {
    if (!watches_) return;
    if (goes_on_ && !goes_on_()) return lowest().close();
    next_ = event;
    if (!writing_) write_next();
  }

 private:
  static constexpr bool is_tls = !std::is_same_v<Stream, beast::tcp_stream>;

  std::shared_ptr<Connection> self() {
    return std::static_pointer_cast<Connection>(this->shared_from_this());
  }
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

  static std::string peer_of(const tcp::socket& socket) {
    error_code failed;
    const auto endpoint = socket.remote_endpoint(failed);
    return failed ? std::string() : endpoint.address().to_string();
  }

  void read() {
    beast::http::async_read(stream_, buffer_, parser_,
                            [self = self()](error_code failed, std::size_t) { self->asked(failed); });
  }

  void asked(error_code failed) {
    if (!lowest().socket().is_open()) return;
    if (failed && !invalid(failed)) return;  // no request came, or it came too late
    asked_ = true;
    if (failed == beast::http::error::body_limit)
      return answer(refused(parser_.get().target(), 413, "The request is larger than 1 MiB"), true);
    if (failed)
      return answer(refused(parser_.get().target(), 400, "Invalid request: " + failed.message()), true);
    const bool head = parser_.get().method() == beast::http::verb::head;
    Request request = request_of(parser_.get(), peer_);
    const auto page = listener_.pages_.find(request.path);
    if (page != listener_.pages_.end()) return make_known(page->first, page->second, request.method, !head);
    if (listener_.rest_ && listener_.slow_requests_ >= most_slow_requests)
      return answer({503, "text/plain", "Too many requests are being answered; try again in some seconds.\n"},
                    !head);
    if (listener_.rest_) {
      ++listener_.slow_requests_;
      is_slow_ = true;
      const std::string path = request.path;
      return make(
          *listener_.rest_makers_, path,
          [this, request = std::move(request)] { return listener_.rest_(request); }, !head);
    }
    if (request.method != "GET") return answer(not_allowed(), !head);
    answer({404, "text/plain", "There is no such page. Available: " + list_of(listener_.pages_) + ".\n"},
           !head);
  }

  void make_known(const std::string& path, const Maker& maker, const std::string& method, bool with_body) {
    if (method != "GET") return answer(not_allowed(), with_body);
    make(*listener_.makers_, path, maker, with_body);
  }

  void make(asio::thread_pool& makers, const std::string& path, Maker maker, bool with_body) {
    lowest().expires_never();  // the maker has limits of its own
    making_ = true;
    asio::post(makers, [self = self(), path, maker = std::move(maker), with_body,
                        going_on = asio::make_work_guard(listener_.io_)]() mutable {
      Page ready = made(path, maker);
      Connection& connection = *self;  // its last owner must be on the connections' thread
      asio::post(connection.listener_.io_, [self = std::move(self), ready = std::move(ready), with_body] {
        self->making_ = false;
        if (self->is_slow_) --self->listener_.slow_requests_;
        self->answer(ready, with_body);
      });
    });
  }

  void answer(const Page& page, bool with_body) {
    if (page.watches && with_body) return watch(page);
    response_ = response_of(page, with_body);
    lowest().expires_after(listener_.options_.patience);
    serializer_.emplace(response_);
    beast::http::async_write(stream_, *serializer_,
                             [self = self()](error_code failed, std::size_t) { self->end(failed); });
  }

  void end(error_code failed) {
    if constexpr (is_tls) {
      if (!failed) {
        stream_.async_shutdown([self = self()](error_code) {});
        return;
      }
    }
    lowest().socket().shutdown(tcp::socket::shutdown_both, failed);
  }

  void watch(const Page& page) {
    if (listener_.stopping_) return lowest().close();
    if (listener_.watchers_ >= listener_.options_.most_watchers)
      return answer(refused(parser_.get().target(), 503, "Too many watchers; try again later"), true);
    watches_ = true;
    goes_on_ = page.goes_on;
    ++listener_.watchers_;
    response_ = response_of(page, false);
    response_.content_length(boost::none);
    const auto head = std::make_shared<std::ostringstream>();
    *head << response_.base() << page.body;
    next_ = std::make_shared<const std::string>(head->str());
    write_next();
    await_end();
  }

  /// A watcher sends nothing more, so this ends when it leaves.
  void await_end() {
    lowest().expires_never();
    stream_.async_read_some(asio::buffer(ignored_), [self = self()](error_code failed, std::size_t) {
      if (failed) return self->lowest().close();
      self->await_end();
    });
  }

  void write_next() {
    if (!lowest().socket().is_open() || !next_) return;
    writing_ = std::move(next_);
    next_.reset();
    asio::async_write(stream_, asio::buffer(*writing_), [self = self()](error_code failed, std::size_t) {
      self->writing_.reset();
      if (failed) return self->lowest().close();
      self->write_next();
    });
  }

  const std::string peer_;
  bool is_slow_ = false;
  Stream stream_;
  beast::flat_buffer buffer_;
  beast::http::request_parser<beast::http::string_body> parser_;
  Response response_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
  std::shared_ptr<const std::string> writing_;  // to a watcher, like the two below
  std::shared_ptr<const std::string> next_;
  std::function<bool()> goes_on_;
  std::array<char, 64> ignored_{};
};

Server::Listener::Listener(const base::Address& address, std::map<std::string, Maker> pages,
                           ServerOptions options, Handler rest)
    : pages_(std::move(pages)), rest_(std::move(rest)), options_(std::move(options)), address_(address) {
  if (!options_.tls.certificate.empty()) tls_ = tls_context(options_.tls);
  bind();
  accept();
  const base::WithoutSignals guard;
  makers_.emplace(options_.threads);
  if (rest_) rest_makers_.emplace(options_.threads);
  thread_ = base::Thread([this] { io_.run(); });
}

Server::Listener::~Listener() {
  asio::post(io_, [this] { stop(); });
  thread_.join();  // all requests are answered by then
  makers_->join();
  if (rest_makers_) rest_makers_->join();
}

void Server::Listener::tell(std::string event) {
  asio::post(io_, [this, shared = std::make_shared<const std::string>(std::move(event))] {
    for (Exchange* const exchange : open_) exchange->tell(shared);
  });
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
      return pause();
    }
    fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    socket.set_option(tcp::no_delay(true), failed);
    receive(std::move(socket));
    if (open_.size() >= most_connections) make_room();
    full_ = open_.size() >= 2 * most_connections;
    if (!full_) accept();
  });
}

void Server::Listener::receive(tcp::socket socket) {
  if (tls_) {
    std::make_shared<Connection<ssl::stream<beast::tcp_stream>>>(*this, std::move(socket), *tls_)->begin();
  } else {
    std::make_shared<Connection<beast::tcp_stream>>(*this, std::move(socket))->begin();
  }
}

/// Ends the connection of the client that has kept it waiting longest, so that clients which are slow or hold
/// their connections keep nobody from asking whether the process is alive.
void Server::Listener::make_room() {
  Exchange* oldest = nullptr;
  for (Exchange* const exchange : open_) {
    if (exchange->is_idle() && (oldest == nullptr || exchange->number() < oldest->number()))
      oldest = exchange;
  }
  if (oldest != nullptr) oldest->drop();
}

/// Out of files or memory, which is temporary.
void Server::Listener::pause() {
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
  for (Exchange* const exchange : open_) exchange->stop();
}

void Server::Listener::ended(Exchange& exchange) {
  open_.erase(&exchange);
  if (std::exchange(full_, false) && !stopping_) accept();
}

Server::Server(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options,
               Handler rest)
    : listener_(std::make_unique<Listener>(address, std::move(pages), std::move(options), std::move(rest))) {}

Server::~Server() = default;

const base::Address& Server::address() const {
  return listener_->address();
}

void Server::tell(std::string event) {
  listener_->tell(std::move(event));
}

std::size_t Server::watchers() const {
  return listener_->watchers();
}

}  // namespace sluice::http
