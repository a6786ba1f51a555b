#include "http_client.hpp"

#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string_view>

#include "../common/curl.hpp"
#include "access_token.hpp"
#include "address.hpp"
#include "http_outcome.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether two headers in libcurl's form have the same name.
bool same_name(const std::string& a, const std::string& b) {
  const std::size_t size = a.find_first_of(":;");
  return size == b.find_first_of(":;") && strncasecmp(a.c_str(), b.c_str(), size) == 0;
}

}  // namespace

/// One request while libcurl works on it.
struct HttpClient::Exchange {
  const sluice::Job& job;
  const Endpoint& endpoint;
  std::size_t max_bytes;
  common::CurlList headers;
  std::string token;
  HttpResponse response;
  std::string denied;  // the host that was not connected to because its address is private
  bool too_large = false;
  std::array<char, CURL_ERROR_SIZE> error{};

  static std::size_t take_body(const char* data, std::size_t size, std::size_t count, void* exchange) {
    auto& self = *static_cast<Exchange*>(exchange);
    self.too_large = size * count > self.max_bytes - self.response.body.size();
    if (self.too_large) return 0;
    self.response.body.append(data, size * count);
    return size * count;
  }

  static std::size_t take_header(const char* data, std::size_t size, std::size_t count, void* exchange) {
    auto& headers = static_cast<Exchange*>(exchange)->response.headers;
    const std::string_view line(data, size * count);
    const std::size_t colon = line.find(':');
    if (line.compare(0, 5, "HTTP/") == 0) headers.clear();  // the headers so far were those of a 100 Continue
    if (colon == std::string_view::npos) return size * count;
    std::string& value = headers[lower(line.substr(0, colon))];
    value += (value.empty() ? "" : ", ") + std::string(trimmed(line.substr(colon + 1)));
    return size * count;
  }

  static int stop_when_cancelled(void* exchange, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(exchange)->job.is_cancelled() ? 1 : 0;
  }

  // Checks the address that is actually connected to, so that a changed DNS answer can't evade the check.
  static curl_socket_t open_socket(void* exchange, curlsocktype, curl_sockaddr* address) {
    auto& self = *static_cast<Exchange*>(exchange);
    if (!self.endpoint.allow_private && !is_public(address->addr)) {
      self.denied = self.endpoint.url.host();
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
};

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

HttpClient::HttpClient(const Endpoint& endpoint)
    : endpoint_(endpoint),
      access_token_(endpoint.oauth ? std::make_unique<AccessToken>(endpoint) : nullptr),
      curl_(common::make_curl()) {}

HttpClient::~HttpClient() = default;

template <class Value>
void HttpClient::set(CURLoption option, Value value) {
  common::set_option(curl_.get(), option, value);
}

void HttpClient::set_request(const HttpRequest& request, Exchange& exchange) {
  exchange.headers.add("Expect:");  // no waiting for a "100 Continue" before large bodies
  if (!request.if_none_match.empty()) exchange.headers.add("If-None-Match: " + request.if_none_match);
  const bool at_home = request.url.same_origin(endpoint_.url);  // secrets are sent only there
  const std::vector<std::string> configured = at_home ? endpoint_.headers : std::vector<std::string>();
  for (const std::string& header : configured) exchange.headers.add(header);
  for (const std::string& header : request.headers) {
    const auto overrides = [&](const std::string& other) { return same_name(header, other); };
    if (std::none_of(configured.begin(), configured.end(), overrides)) exchange.headers.add(header);
  }
  exchange.token = request.secret;
  const bool has_token = !endpoint_.token_file.empty() || access_token_ != nullptr;
  if (at_home && has_token) {
    exchange.token = access_token_ ? access_token_->get(exchange.job) : read_secret(endpoint_.token_file);
    const bool bearer = endpoint_.token_header == "Authorization";
    exchange.headers.add(endpoint_.token_header + (bearer ? ": Bearer " : ": ") + exchange.token);
  }
  set(CURLOPT_URL, request.url.text().c_str());
  set(CURLOPT_HTTPHEADER, exchange.headers.get());
  if (request.body != nullptr) {
    set(CURLOPT_POSTFIELDS, request.body->c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

HttpResponse HttpClient::send(const HttpRequest& request, const sluice::Job& job) {
  const bool used_before = access_token_ && access_token_->is_cached();
  try {
    return exchange(request, job);
  } catch (const Trouble& trouble) {
    // A token that was revoked before it expired is replaced once.
    if (trouble.code() != "http-401" || !access_token_) throw;
    access_token_->forget();
    if (!used_before) throw;
  }
  return exchange(request, job);
}

HttpResponse HttpClient::exchange(const HttpRequest& request, const sluice::Job& job) {
  if (job.is_cancelled()) throw Cancelled();
  Exchange exchange{job, endpoint_, request.max_bytes, {}, {}, {}, {}, false, {}};
  curl_easy_reset(curl_.get());  // keeps the connection
  set_request(request, exchange);
  set(CURLOPT_PROXY, "");  // a proxy of the environment could reach private addresses
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl supports; max_bytes counts decompressed bytes
  set(CURLOPT_USERAGENT, "sluice-sync/1.0");
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!endpoint_.ca_file.empty()) set(CURLOPT_CAINFO, endpoint_.ca_file.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(endpoint_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(endpoint_.timeout.count()));
  set(CURLOPT_ERRORBUFFER, exchange.error.data());
  set(CURLOPT_WRITEFUNCTION, &Exchange::take_body);
  set(CURLOPT_WRITEDATA, &exchange);
  set(CURLOPT_HEADERFUNCTION, &Exchange::take_header);
  set(CURLOPT_HEADERDATA, &exchange);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Exchange::stop_when_cancelled);
  set(CURLOPT_XFERINFODATA, &exchange);
  set(CURLOPT_OPENSOCKETFUNCTION, &Exchange::open_socket);
  set(CURLOPT_OPENSOCKETDATA, &exchange);
  const CURLcode code = curl_easy_perform(curl_.get());
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &exchange.response.status);
  curl_easy_reset(curl_.get());  // drops the pointers to local variables
  if (code != CURLE_OK) explain(code, request, exchange);
  if (exchange.response.status == 304 && !request.if_none_match.empty()) return std::move(exchange.response);
  check_status(exchange.response, request.method + " " + request.url.shown(), exchange.token);
  return std::move(exchange.response);
}

void HttpClient::explain(CURLcode code, const HttpRequest& request, const Exchange& exchange) const {
  const std::string what = request.method + " " + request.url.shown();
  if (code == CURLE_ABORTED_BY_CALLBACK) throw Cancelled();
  if (exchange.too_large) {
    throw sluice::PermanentError("too-large", what + ": the response exceeds max_bytes, " +
                                                  std::to_string(endpoint_.max_bytes) +
                                                  " for one job; request less, or raise it");
  }
  if (!exchange.denied.empty() && code == CURLE_COULDNT_CONNECT) {
    throw Trouble("private-address", what + ": '" + request.url.host() +
                                         "' has an address that is not public; set allow_private if that is "
                                         "intended");
  }
  throw Trouble(
      common::http_error(code),
      what + " failed: " + (exchange.error[0] != '\0' ? exchange.error.data() : curl_easy_strerror(code)));
}

void check_allowed(const Endpoint& endpoint, const Url& url) {
  if (url.same_origin(endpoint.url)) return;
  const std::string standard_port = url.is_https() ? "443" : "80";
  const bool named =
      std::any_of(endpoint.allow_hosts.begin(), endpoint.allow_hosts.end(), [&](const std::string& allowed) {
        return allowed == url.host() + ":" + url.port() ||
               (allowed == url.host() && url.port() == standard_port);
      });
  if (named && (url.is_https() || !endpoint.url.is_https())) return;
  throw sluice::PermanentError("host-not-allowed", "a link leads to " + url.shown() +
                                                       ", which allow_hosts of " + endpoint.url.shown() +
                                                       " does not allow");
}

}  // namespace data_sync
