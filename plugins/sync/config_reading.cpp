#include "config_reading.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "json.hpp"

namespace data_sync {

using sluice::Json;

namespace {

bool is_header_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string::npos;
  });
}

void read_headers(const Json& json, Endpoint& endpoint) {
  const auto headers = json.find("headers");
  if (!headers) return;
  for (const auto& member : headers->as_object().value().GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    const std::string value = headers->string(name);
    if (!is_header_name(name)) refuse(*headers, name, "this is not a header name");
    if (value.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
      refuse(*headers, name, "the value must be one line");
    }
    // libcurl drops a header that ends with the colon, and sends an empty one for a name with a semicolon.
    endpoint.headers.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
}

Url read_url(const Json& json, const std::string& key) {
  try {
    return Url(json.string(key));
  } catch (const std::invalid_argument& error) {
    refuse(json, key, error.what());
  }
}

OAuth read_oauth(const Json& json, const Endpoint& endpoint) {
  OAuth oauth(read_url(json, "token_url"));
  oauth.client_id = json.string("client_id");
  oauth.client_secret_file = json.string("client_secret_file");
  check_file(json, "client_secret_file", oauth.client_secret_file);
  oauth.scope = json.string_or("scope", "");
  oauth.audience = json.string_or("audience", "");
  const std::string style = json.string_or("credentials", "basic");
  if (style != "basic" && style != "body")
    refuse(json, "credentials", "expected basic or body, found '" + style + "'");
  oauth.in_body = style == "body";
  if (!oauth.token_url.is_https() && !endpoint.allow_private) {
    refuse(json, "token_url", "the secret would be sent unencrypted; use https");
  }
  if (!endpoint.token_file.empty()) refuse(json, "token_url", "token_file is set too; keep one of them");
  return oauth;
}

}  // namespace

void refuse(const Json& json, const std::string& key, const std::string& why) {
  throw std::runtime_error("configuration " + json.path() + "/" + key + ": " + why);
}

milliseconds read_timeout(const Json& json, const std::string& key, milliseconds fallback) {
  const double seconds = json.number_or(key, static_cast<double>(fallback.count()) / 1000);
  if (!(seconds >= 0.001 && seconds <= 3600)) refuse(json, key, "expected seconds, above 0 and up to 3600");
  return milliseconds(std::llround(seconds * 1000));
}

std::size_t read_count(const Json& json, const std::string& key, std::size_t fallback, std::int64_t most) {
  const std::int64_t count = json.integer_or(key, static_cast<std::int64_t>(fallback));
  if (count < 1 || count > most) refuse(json, key, "expected a number from 1 to " + std::to_string(most));
  return static_cast<std::size_t>(count);
}

void check_file(const Json& json, const std::string& key, const std::string& path) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return;
  refuse(json, key, "'" + path + "' can't be read: " + std::generic_category().message(errno));
}

rapidjson::Pointer read_pointer(const Json& json, const std::string& key, const std::string& text) {
  try {
    return pointer_of(text);
  } catch (const std::invalid_argument& error) {
    refuse(json, key, std::string(error.what()) + ", found '" + text + "'");
  }
}

std::vector<std::string> read_texts(const Json& json, const std::string& key) {
  std::vector<std::string> texts;
  if (const auto array = json.find(key)) {
    for (const auto& text : array->as_array()) texts.push_back(text.as_string());
  }
  return texts;
}

Endpoint read_endpoint(const Json& json) {
  Endpoint endpoint(read_url(json, "url"));
  read_headers(json, endpoint);
  endpoint.token_file = json.string_or("token_file", "");
  check_file(json, "token_file", endpoint.token_file);
  endpoint.token_header = json.string_or("token_header", endpoint.token_header);
  if (!is_header_name(endpoint.token_header)) refuse(json, "token_header", "this is not a header name");
  endpoint.allow_hosts = read_texts(json, "allow_hosts");
  endpoint.allow_private = json.boolean_or("allow_private", endpoint.allow_private);
  // With allow_private, the operator can send secrets unencrypted in a private network.
  if (json.find("oauth")) endpoint.oauth.emplace(read_oauth(json.object("oauth"), endpoint));
  const bool has_token = !endpoint.token_file.empty() || endpoint.oauth;
  if (has_token && !endpoint.url.is_https() && !endpoint.allow_private) {
    refuse(json, "url", "the token would be sent unencrypted; use https");
  }
  endpoint.ca_file = json.string_or("ca_file", "");
  check_file(json, "ca_file", endpoint.ca_file);
  endpoint.connect_timeout = read_timeout(json, "connect_timeout", endpoint.connect_timeout);
  endpoint.timeout = read_timeout(json, "timeout", endpoint.timeout);
  endpoint.max_bytes = read_count(json, "max_bytes", endpoint.max_bytes, std::int64_t{1} << 30);
  return endpoint;
}

std::optional<rapidjson::Pointer> read_optional_pointer(const Json& json, const std::string& key) {
  if (!json.find(key)) return std::nullopt;
  return read_pointer(json, key, json.string(key));
}

}  // namespace data_sync
