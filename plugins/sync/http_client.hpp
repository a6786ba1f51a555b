// Requests to one endpoint over HTTP with libcurl. The connection is kept from request to request; each
// endpoint has a client of its own, so that none uses a connection that another was allowed to open.
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <map>
#include <memory>
#include <sluice/job.hpp>
#include <string>
#include <vector>

#include "config.hpp"

namespace data_sync {

struct HttpRequest {
  const Url& url;
  std::string method = "GET";
  std::vector<std::string> headers;  // "Name: value", where the endpoint has no other value
  const std::string* body = nullptr;
  std::size_t max_bytes;      // of the response
  std::string if_none_match;  // an ETag; only a request that has one may be answered with 304
  std::string secret;         // is in the request, and in no error
};

struct HttpResponse {
  long status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // by name in small letters; of several, joined with commas

  /// Empty without one of that name, in small letters.
  std::string header(const std::string& name) const;
};

class AccessToken;

class HttpClient {
 public:
  /// `endpoint` has to outlive it.
  explicit HttpClient(const Endpoint& endpoint);
  ~HttpClient();

  /// The response, 2xx, or 304 where the request allows it. Throws Trouble, sluice::PermanentError or
  /// Cancelled for all else.
  HttpResponse send(const HttpRequest& request, const sluice::Job& job);

 private:
  struct Exchange;

  HttpResponse exchange(const HttpRequest& request, const sluice::Job& job);

  template <class Value>
  void set(CURLoption option, Value value);
  void set_request(const HttpRequest& request, Exchange& exchange);
  [[noreturn]] void explain(CURLcode code, const HttpRequest& request, const Exchange& exchange) const;

  const Endpoint& endpoint_;
  const std::unique_ptr<AccessToken> access_token_;  // null without oauth
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
};

/// Throws sluice::PermanentError unless a request to `url` is allowed from this endpoint.
void check_allowed(const Endpoint& endpoint, const Url& url);

}  // namespace data_sync
