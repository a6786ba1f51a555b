// A small HTTP server for some pages, which are made for each request. Each connection is for one request and
// has a time limit, so slow clients can't occupy all threads for long.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/address.hpp"

namespace sluice::http {

struct Page {
  int status = 200;
  std::string type;  ///< "application/json"
  std::string body;
};

struct ServerOptions {
  /// From the moment when a client connects until it has sent its request, and again until it has received
  /// the answer.
  std::chrono::milliseconds patience{5000};
  std::size_t threads = 8;  ///< threads that make pages
};

class Server {
 public:
  /// Makes a page, on one of the server's threads.
  using Maker = std::function<Page()>;

  /// Serves `pages` by their paths ("/livez") from now on. Throws base::UsageError if it can't listen.
  Server(const base::Address& address, std::map<std::string, Maker> pages, ServerOptions options = {});
  /// Answers the requests that have arrived, and waits for no other client.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The address, with the port that it got.
  const base::Address& address() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace sluice::http
