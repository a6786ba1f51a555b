#include "webhook_config.hpp"

#include <arpa/inet.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "../common/curl.hpp"

namespace notification {

namespace {

constexpr double longest_timeout = 60;  // seconds

[[noreturn]] void refuse(const sluice::Json& json, std::string_view key, const std::string& why) {
  throw std::runtime_error("configuration " + json.path() + "/" + std::string(key) + ": " + why);
}

bool is_loopback(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24U) == 127;
  return host == "localhost" || host == "[::1]";
}

void read_url(const sluice::Json& json, Endpoint& endpoint) {
  endpoint.url = json.string("url");
  const common::ConfiguredUrl url(endpoint.url);
  const std::string scheme = url.part(CURLUPART_SCHEME);
  const std::string host = url.part(CURLUPART_HOST);
  if (!url.is_valid() || (scheme != "https" && scheme != "http") || host.empty())
    refuse(json, "url", "expected https://host/path");
  if (!url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty()) {
    refuse(json, "url", "user and password are not sent; the receiver must check the signature");
  }
  if (scheme == "http" && !is_loopback(host) && !json.boolean_or("allow_http", false)) {
    refuse(json, "url",
           "http:// is not encrypted; use https://, or set allow_http to true if you trust the network");
  }
  const std::string port = url.part(CURLUPART_PORT);
  const std::string query = url.part(CURLUPART_QUERY);
  endpoint.origin = scheme + "://" + host + (port.empty() ? "" : ":" + port);
  endpoint.target = url.part(CURLUPART_PATH) + (query.empty() ? "" : "?" + query);
}

/// Returns false if none is granted.
bool take_granted(const sluice::Config& config, const sluice::Json& json, Endpoint& endpoint) {
  const auto granted = config.granted(json, "secret");
  if (!granted) return false;
  endpoint.secret = *granted;
  try {
    keys_of(endpoint);
  } catch (const std::runtime_error& error) {
    refuse(json, "secret", std::string("the granted secret: ") + error.what());
  }
  return true;
}

void read_secret(const sluice::Json& json, Endpoint& endpoint) {
  endpoint.secret = json.string_or("secret", "");
  endpoint.secret_file = json.string_or("secret_file", "");
  if (endpoint.secret.empty() && endpoint.secret_file.empty()) {
    refuse(json, "secret_file", "no secret is set; set secret_file or secret");
  }
  if (!endpoint.secret.empty() && !endpoint.secret_file.empty()) {
    refuse(json, "secret_file", "secret is set too; keep one of them");
  }
  try {
    keys_of(endpoint);
  } catch (const std::runtime_error& error) {
    refuse(json, endpoint.secret_file.empty() ? "secret" : "secret_file", error.what());
  }
}

std::chrono::milliseconds read_timeout(const sluice::Json& json, std::string_view key,
                                       std::chrono::milliseconds fallback) {
  const double seconds = json.number_or(key, static_cast<double>(fallback.count()) / 1000);
  if (!(seconds >= 0.001 && seconds <= longest_timeout))
    refuse(json, key, "expected seconds, above 0 and up to 60");
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

std::vector<std::string> read_patterns(const sluice::Json& json, std::string_view key) {
  std::vector<std::string> patterns;
  if (const auto array = json.find(key)) {
    for (const sluice::Json& pattern : array->as_array()) patterns.push_back(pattern.as_string());
    if (patterns.empty()) refuse(json, key, "an empty list matches nothing; omit the key to match all");
  }
  return patterns;
}

Endpoint read_endpoint(const sluice::Config& config, const sluice::Json& json) {
  Endpoint endpoint;
  read_url(json, endpoint);
  if (!take_granted(config, json, endpoint)) read_secret(json, endpoint);
  endpoint.ca_file = json.string_or("ca_file", "");
  if (!endpoint.ca_file.empty() && !std::ifstream(endpoint.ca_file)) {
    refuse(json, "ca_file", "'" + endpoint.ca_file + "' can't be read");
  }
  endpoint.types = read_patterns(json, "types");
  endpoint.users = read_patterns(json, "users");
  endpoint.connect_timeout = read_timeout(json, "connect_timeout", endpoint.connect_timeout);
  endpoint.timeout = read_timeout(json, "timeout", endpoint.timeout);
  return endpoint;
}

bool matches(const std::vector<std::string>& patterns, const std::string& text) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
           return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
         });
}

}  // namespace

bool Endpoint::wants(const std::string& type, const std::string& user) const {
  return matches(types, type) && matches(users, user);
}

Endpoints read_endpoints(const sluice::Config& json) {
  Endpoints endpoints;
  if (json.find("webhook")) endpoints.emplace("webhook", read_endpoint(json, json.object("webhook")));
  const auto webhooks = json.find("webhooks");
  if (!webhooks) return endpoints;
  for (const auto& member : webhooks->as_object().value().GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    if (!endpoints.emplace(name, read_endpoint(json, webhooks->object(name))).second) {
      refuse(*webhooks, name, "the table webhook already has this name; choose another");
    }
  }
  return endpoints;
}

std::vector<Key> keys_of(const Endpoint& endpoint) {
  if (endpoint.secret_file.empty()) return keys_in(endpoint.secret);
  std::ifstream file(endpoint.secret_file);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("the file '" + endpoint.secret_file + "' can't be read");
  try {
    return keys_in(text.str());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("the file '" + endpoint.secret_file + "': " + error.what());
  }
}

}  // namespace notification
