// tests/plugins/sync/http_server.py as a process that belongs to one test.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "support/scratch.hpp"

namespace sluice::test {

/// A request as the server received it.
struct ReceivedRequest {
  std::string method;
  std::string path;  // with the query
  std::map<std::string, std::string> headers;
  std::string body;
};

class HttpServer {
 public:
  /// `routes`: those of the script. Returns when the server listens. Throws std::runtime_error if it does not
  /// start.
  explicit HttpServer(const std::string& routes, const std::string& tls_name = "");
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url(const std::string& path = "/") const { return "http://" + host() + path; }
  /// With TLS, and a name of this machine.
  std::string tls_url() const { return "https://localhost:" + port() + "/"; }
  std::string ca_file() const { return scratch_.path("ca.pem"); }
  std::string port() const { return std::to_string(port_); }
  /// The requests so far.
  std::vector<ReceivedRequest> requests() const;
  /// Their paths, in order, separated by blanks.
  std::string paths() const;

 private:
  Scratch scratch_;
  pid_t pid_ = -1;
  int input_ = -1;  // the server ends when this is closed, also if the test crashes
  int port_ = 0;
};

}  // namespace sluice::test
