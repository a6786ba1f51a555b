// A small HTTP server. Each connection is for one request and has a time limit, so slow clients can't occupy
// all threads for long. Only a watcher of the event stream stays. If there are too many connections, the
// client that has kept its one waiting longest is given up for the next one.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"

namespace sluice::http {

struct Page {
  int status = 200;
  std::string type;  ///< "application/json"
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Keeps the connection for server-sent events: `body` first, then what `Server::tell` sends.
  bool watches = false;
  /// Asked before each of these; if it says no, the connection ends. Null: until the client leaves. Quick, on
  /// the connections' thread.
  std::function<bool()> goes_on = nullptr;
};

struct Request {
  std::string method;                          ///< "GET"; a HEAD request is shown as GET
  std::string path;                            ///< "/jobs/1", as sent
  std::string query;                           ///< "status=error&type=a", as sent
  std::map<std::string, std::string> headers;  ///< names in small letters
  std::string body;
  std::string peer;  ///< the client's IP address

  /// Empty if it is absent.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct TlsFiles {
  std::string certificate;  ///< PEM: the chain, the server's own first; empty: no TLS
  std::string key;          ///< PEM
};

struct ServerOptions {
  /// From the moment when a client connects until it has sent its request, and again until it has received
  /// the answer.
  std::chrono::milliseconds patience{5000};
  std::size_t threads = 8;  ///< threads that make pages
  std::size_t most_watchers = 128;
  TlsFiles tls = {};
};

class Server {
 public:
  /// Makes a page, on one of the server's threads.
  using Maker = std::function<Page()>;
  using Handler = std::function<Page(const Request&)>;

  /// Serves `pages` by their paths ("/livez") from now on, and has `rest` answer every other request, on
  /// threads of its own, so that slow pages delay none of `pages`. Throws base::UsageError if it can't
  /// listen, or can't use the TLS files.
  Server(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options = {},
         Handler rest = nullptr);
  /// Answers the requests that have arrived, and waits for no other client.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The address, with the port that it got.
  const base::Address& address() const;

  /// Sends `event`, a whole server-sent event, to all watchers. A watcher that is still reading an earlier
  /// one misses those between it and the last. Any thread.
  void tell(std::string event);
  std::size_t watchers() const;  ///< any thread

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace sluice::http
