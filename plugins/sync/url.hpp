// An http or https URL, parsed by libcurl. libcurl also opens it, so two parsers can't disagree about the
// host.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

namespace data_sync {

class Url {
 public:
  /// Throws std::invalid_argument if `text` is not an http or https URL, or contains a user.
  explicit Url(const std::string& text);
  Url(const Url& other);
  Url& operator=(const Url&) = delete;

  /// The target of a link on this page, which can be relative. Throws like the constructor.
  Url resolved(const std::string& link) const;
  /// Sets "name=value" in the query, encoded. Replaces existing parameters of that name. Throws
  /// std::invalid_argument if libcurl refuses it.
  void set_parameter(const std::string& name, const std::string& value);

  std::string text() const { return part(CURLUPART_URL); }
  /// For errors and logs: without the query, which can contain secrets.
  std::string shown() const;
  bool is_https() const { return part(CURLUPART_SCHEME) == "https"; }
  /// In lower case.
  std::string host() const;
  std::string port() const { return part(CURLUPART_PORT); }
  /// Whether scheme, host and port are the same.
  bool same_origin(const Url& other) const;

 private:
  std::string part(CURLUPart which) const;
  void set(const std::string& text);

  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url_;
};

}  // namespace data_sync
