// What every plugin that uses libcurl needs of it. Header-only, so that a plugin stays one file.
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace common {

/// libcurl's global state, for as long as the plugin is loaded.
class CurlLibrary {
 public:
  /// Throws std::runtime_error if libcurl does not start.
  CurlLibrary() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
  }
  ~CurlLibrary() { curl_global_cleanup(); }
  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;
};

using CurlHandle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

/// Throws std::runtime_error if libcurl could not make a handle.
inline CurlHandle make_curl() {
  CurlHandle curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) throw std::runtime_error("libcurl could not make a handle");
  return curl;
}

/// Throws std::runtime_error if libcurl refuses the option.
template <class Value>
void set_option(CURL* curl, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(curl, option, value);
  if (code == CURLE_OK) return;
  throw std::runtime_error(std::string("libcurl refused an option: ") + curl_easy_strerror(code));
}

/// libcurl's list of texts: header fields or recipients.
class CurlList {
 public:
  CurlList() = default;
  explicit CurlList(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) add(text);
  }
  void add(const std::string& text) {
    curl_slist* longer = curl_slist_append(list_.get(), text.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)list_.release();
    list_.reset(longer);
  }
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list_{nullptr, &curl_slist_free_all};
};

/// The job's error code for a transfer that failed on the way to the server; empty if it failed later.
inline std::string_view network_error(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "dns";
    case CURLE_COULDNT_CONNECT:
      return "connect";
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return "tls-certificate";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return "tls";
    default:
      return {};
  }
}

/// The job's error code for an HTTP request that got no complete response.
inline std::string http_error(CURLcode code) {
  if (const std::string_view known = network_error(code); !known.empty()) return std::string(known);
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9, which has no status
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR:
      return "http-protocol";
    default:
      return "connection-lost";
  }
}

/// The delay that a Retry-After header (RFC 9110, section 10.2.3) asks for, in seconds or as a date: at most
/// a day. Nothing if the header is empty, invalid or names a date in the past.
inline std::optional<std::chrono::seconds> retry_after(std::string_view header, std::time_t now) {
  constexpr std::chrono::seconds longest = std::chrono::hours(24);
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = std::min(header.find_first_not_of(blanks), header.size());
  const std::string value(header.substr(begin, header.find_last_not_of(blanks) + 1 - begin));
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string::npos) {
    return value.size() > 9 ? longest : std::min(std::chrono::seconds(std::stol(value)), longest);
  }
  const std::time_t date = curl_getdate(value.c_str(), nullptr);
  if (date == -1 || date <= now) return std::nullopt;
  return std::min(std::chrono::seconds(date - now), longest);
}

/// The part of a URL; empty if the URL does not have it.
inline std::string url_part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

/// Percent-encoded, as in a query or a form.
inline std::string percent_encoded(const std::string& text) {
  if (text.empty()) return {};  // libcurl would take a length of 0 for "as long as it is"
  const std::unique_ptr<char, decltype(&curl_free)> out(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), &curl_free);
  if (!out) throw std::bad_alloc();
  return out.get();
}

/// A URL of any scheme, as libcurl reads it: the plugin checks the scheme, with an error of its own.
class ConfiguredUrl {
 public:
  explicit ConfiguredUrl(const std::string& text) : url_(curl_url(), &curl_url_cleanup) {
    if (!url_) throw std::bad_alloc();
    is_valid_ = curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  }

  bool is_valid() const { return is_valid_; }
  /// Empty if the URL does not have it.
  std::string part(CURLUPart which) const { return url_part(url_.get(), which); }

 private:
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url_;
  bool is_valid_ = false;
};

}  // namespace common
