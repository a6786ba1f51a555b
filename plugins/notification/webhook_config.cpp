#include "webhook_config.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace notification {

namespace {

constexpr double longest_timeout = 60;  // seconds

[[noreturn]] void refuse(std::string_view key, const std::string& why) {
  throw std::runtime_error("configuration /webhook/" + std::string(key) + ": " + why);
}

class Url {
 public:
  explicit Url(const std::string& text) : url_(curl_url(), &curl_url_cleanup) {
    if (!url_) throw std::bad_alloc();
    // Schemes are checked by us, with words of our own.
    if (curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
      refuse("url", "expected https://host/path");
    }
  }

  /// Empty when the URL does not have it.
  std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), which, &text, 0) != CURLUE_OK) return {};
    const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
    return text;
  }

 private:
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url_;
};

bool is_loopback(const std::string& host) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24U) == 127;
  return host == "localhost" || host == "[::1]";
}

void read_url(const sluice::Json& json, WebhookConfig& config) {
  config.url = json.string("url");
  const Url url(config.url);
  const std::string scheme = url.part(CURLUPART_SCHEME);
  const std::string host = url.part(CURLUPART_HOST);
  if ((scheme != "https" && scheme != "http") || host.empty()) refuse("url", "expected https://host/path");
  if (!url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty()) {
    refuse("url", "user and password are not sent; the receiver is to check the signature");
  }
  if (scheme == "http" && !is_loopback(host) && !json.boolean_or("allow_http", false)) {
    refuse("url",
           "http:// is not encrypted; use https://, or set allow_http to true where the network is yours");
  }
  const std::string port = url.part(CURLUPART_PORT);
  const std::string query = url.part(CURLUPART_QUERY);
  config.origin = scheme + "://" + host + (port.empty() ? "" : ":" + port);
  config.target = url.part(CURLUPART_PATH) + (query.empty() ? "" : "?" + query);
}

void read_secret(const sluice::Json& json, WebhookConfig& config) {
  config.secret = json.string_or("secret", "");
  config.secret_file = json.string_or("secret_file", "");
  if (config.secret.empty() && config.secret_file.empty()) {
    refuse("secret_file", "there is no secret to sign with; set secret_file, or secret");
  }
  if (!config.secret.empty() && !config.secret_file.empty()) {
    refuse("secret_file", "there is a secret too; keep one of them");
  }
  try {
    keys_of(config);
  } catch (const std::runtime_error& error) {
    refuse(config.secret_file.empty() ? "secret" : "secret_file", error.what());
  }
}

std::chrono::milliseconds read_timeout(const sluice::Json& json, std::string_view key,
                                       std::chrono::milliseconds fallback) {
  const double seconds = json.number_or(key, static_cast<double>(fallback.count()) / 1000);
  if (!(seconds >= 0.001 && seconds <= longest_timeout))
    refuse(key, "expected seconds, above 0 and up to 60");
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

}  // namespace

std::optional<WebhookConfig> read_webhook_config(const sluice::Config& json) {
  if (!json.find("webhook")) return std::nullopt;
  const sluice::Json webhook = json.object("webhook");
  WebhookConfig config;
  read_url(webhook, config);
  read_secret(webhook, config);
  config.ca_file = webhook.string_or("ca_file", "");
  if (!config.ca_file.empty() && !std::ifstream(config.ca_file)) {
    refuse("ca_file", "'" + config.ca_file + "' can't be read");
  }
  config.connect_timeout = read_timeout(webhook, "connect_timeout", config.connect_timeout);
  config.timeout = read_timeout(webhook, "timeout", config.timeout);
  return config;
}

std::vector<Key> keys_of(const WebhookConfig& config) {
  if (config.secret_file.empty()) return keys_in(config.secret);
  std::ifstream file(config.secret_file);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("the file '" + config.secret_file + "' can't be read");
  try {
    return keys_in(text.str());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("the file '" + config.secret_file + "': " + error.what());
  }
}

}  // namespace notification
