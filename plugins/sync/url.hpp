// An http or https URL, parsed by libcurl, which is also what opens it: two parsers never disagree about
// the host.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>
#include <string_view>

namespace data_sync {

class Url {
 public:
  /// Throws std::invalid_argument for what is no http or https URL, or names a user.
  explicit Url(const std::string& text);
  Url(const Url& other);
  Url& operator=(const Url&) = delete;

  /// What a link on this page leads to. Throws like the constructor.
  Url resolved(const std::string& link) const;
  /// Sets "name=value" in the query, encoded, in place of what it has under that name.
  void set_parameter(const std::string& name, const std::string& value);

  std::string text() const { return part(CURLUPART_URL); }
  /// Without the query, which may hold what is nobody's business: for errors and logs.
  std::string shown() const;
  bool is_https() const { return part(CURLUPART_SCHEME) == "https"; }
  /// In small letters.
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
