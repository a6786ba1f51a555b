// Requests to one endpoint over HTTP with libcurl. The connection is kept between requests. Each endpoint
// has its own client, so that none uses a connection that only another one is allowed to open.
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
  std::vector<std::string> headers;  // "Name: value"; the endpoint's headers take precedence
  const std::string* body = nullptr;
  std::size_t max_bytes;      // of the response
  std::string if_none_match;  // an ETag; without it, a response of 304 is an error
  std::string secret;         // part of the request, removed from errors
};

struct HttpResponse {
  long status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  // by name in lower case; repeated ones are joined with commas

  /// `name` is in lower case. Empty if there is no such header.
  std::string header(const std::string& name) const;
};

class AccessToken;

class HttpClient {
 public:
  /// `endpoint` must outlive the client.
  explicit HttpClient(const Endpoint& endpoint);
  ~HttpClient();

  /// The response if its status is 2xx, or 304 if the request allows it. Otherwise throws Trouble,
  /// sluice::PermanentError or Cancelled.
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

/// Throws sluice::PermanentError unless the endpoint's links may lead to `url`.
void check_allowed(const Endpoint& endpoint, const Url& url);

}  // namespace data_sync
