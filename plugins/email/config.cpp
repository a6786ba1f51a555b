#include "config.hpp"

#include <curl/curl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "trouble.hpp"

namespace email {

namespace {

constexpr double longest_timeout = 3600;  // seconds

[[noreturn]] void refuse(std::string_view key, const std::string& why) {
  throw std::runtime_error("configuration /" + std::string(key) + ": " + why);
}

void check_directory(std::string_view key, const std::string& path, int access) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) refuse(key, "'" + path + "' is no directory; create it");
  if (::access(path.c_str(), access | X_OK) == 0) return;
  refuse(key, "the directory '" + path + "' can't be used: " + std::generic_category().message(errno));
}

void check_file(std::string_view key, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) refuse(key, "'" + path + "' is no file");
  if (::access(path.c_str(), R_OK) == 0) return;
  refuse(key, "'" + path + "' can't be read: " + std::generic_category().message(errno));
}

class Url {
 public:
  explicit Url(const std::string& text) : url_(curl_url(), &curl_url_cleanup) {
    if (!url_) throw std::bad_alloc();
    // Schemes are checked by us, with words of our own.
    if (curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
      refuse("url", "expected smtp://host:port or smtps://host:port");
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
  return host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

Starttls read_starttls(const sluice::Config& json, bool smtps) {
  const auto text = json.string_or("starttls", "required");
  if (smtps && json.find("starttls")) {
    refuse("starttls", "smtps:// is encrypted from the first byte; remove starttls, or use smtp://");
  }
  if (text == "required") return Starttls::required;
  if (text == "optional") return Starttls::optional;
  if (text == "never") return Starttls::never;
  refuse("starttls", "expected required, optional or never, found '" + text + "'");
}

std::chrono::milliseconds read_timeout(const sluice::Config& json, std::string_view key,
                                       std::chrono::milliseconds fallback) {
  const double seconds = json.number_or(key, static_cast<double>(fallback.count()) / 1000);
  if (!(seconds >= 0.001 && seconds <= longest_timeout)) {
    refuse(key, "expected seconds, above 0 and up to 3600");
  }
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

void read_credentials(const sluice::Config& json, SmtpConfig& smtp) {
  smtp.user = json.string_or("user", "");
  smtp.password = json.string_or("password", "");
  smtp.password_file = json.string_or("password_file", "");
  const bool has_password = !smtp.password.empty() || !smtp.password_file.empty();
  if (!smtp.password.empty() && !smtp.password_file.empty()) {
    refuse("password_file", "there is a password too; keep one of them");
  }
  if (smtp.user.empty() && has_password) refuse("user", "there is a password but no user; set both");
  if (!smtp.user.empty() && !has_password) refuse("user", "there is no password; set password_file");
  if (!smtp.password_file.empty()) check_file("password_file", smtp.password_file);
  if (!smtp.user.empty()) password_of(smtp);
}

SmtpConfig read_smtp(const sluice::Config& json) {
  SmtpConfig smtp;
  smtp.url = json.string("url");
  const Url url(smtp.url);
  const std::string scheme = url.part(CURLUPART_SCHEME);
  if ((scheme != "smtp" && scheme != "smtps") || url.part(CURLUPART_HOST).empty()) {
    refuse("url", "expected smtp://host:port or smtps://host:port");
  }
  if (!url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty()) {
    refuse("url", "it is shown in errors, so it can't hold the password; set user and password_file");
  }
  const bool smtps = scheme == "smtps";
  smtp.starttls = read_starttls(json, smtps);
  read_credentials(json, smtp);
  if (!smtp.user.empty() && !smtps && smtp.starttls != Starttls::required &&
      !is_loopback(url.part(CURLUPART_HOST))) {
    refuse("starttls", "the password could go over the network unencrypted; set it to required");
  }
  smtp.ca_file = json.string_or("ca_file", "");
  if (!smtp.ca_file.empty()) check_file("ca_file", smtp.ca_file);
  smtp.connect_timeout = read_timeout(json, "connect_timeout", smtp.connect_timeout);
  smtp.timeout = read_timeout(json, "timeout", smtp.timeout);
  return smtp;
}

void read_transport(const sluice::Config& json, Config& config) {
  const std::string transport = json.string("transport");
  if (transport == "smtp") {
    config.smtp = read_smtp(json);
  } else if (transport == "file") {
    config.directory = json.string("directory");
    check_directory("directory", config.directory, W_OK);
  } else {
    refuse("transport", "expected smtp or file, found '" + transport + "'");
  }
}

}  // namespace

Config read_config(const sluice::Config& json) {
  if (!json.find("transport")) {
    throw std::runtime_error(
        "the plugin is not configured: set transport to \"smtp\" with url and from, or to \"file\" with "
        "directory and from");
  }
  Config config;
  read_transport(json, config);
  config.from = parse_address(json.string("from"), "configuration /from");
  config.message_id_domain = json.string_or("message_id_domain", domain_of(config.from));
  if (!is_domain(config.message_id_domain)) {
    refuse("message_id_domain", "'" + config.message_id_domain + "' is no domain like mail.example.com");
  }
  config.attachments_directory = json.string_or("attachments_directory", "");
  if (!config.attachments_directory.empty()) {
    check_directory("attachments_directory", config.attachments_directory, R_OK);
  }
  const std::int64_t max_bytes = json.integer_or("max_bytes", static_cast<std::int64_t>(config.max_bytes));
  if (max_bytes < 1) refuse("max_bytes", "expected a number of bytes above 0");
  config.max_bytes = static_cast<std::size_t>(max_bytes);
  return config;
}

std::string password_of(const SmtpConfig& smtp) {
  if (smtp.password_file.empty()) return smtp.password;
  std::string password;
  std::getline(std::ifstream(smtp.password_file), password);
  if (!password.empty() && password.back() == '\r') password.pop_back();
  if (password.empty()) {
    throw Trouble("password-file",
                  "the password file '" + smtp.password_file + "' can't be read, or its first line is empty");
  }
  return password;
}

}  // namespace email
