#include "config.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "../common/curl.hpp"

namespace email {

namespace {

constexpr double longest_timeout = 3600;  // seconds

[[noreturn]] void refuse(std::string_view key, const std::string& why) {
  throw std::runtime_error("configuration /" + std::string(key) + ": " + why);
}

void check_directory(std::string_view key, const std::string& path, int access) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error))
    refuse(key, "'" + path + "' is not a directory; create it");
  if (::access(path.c_str(), access | X_OK) == 0) return;
  refuse(key, "the directory '" + path + "' can't be used: " + std::generic_category().message(errno));
}

void check_file(std::string_view key, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) refuse(key, "'" + path + "' is not a file");
  if (::access(path.c_str(), R_OK) == 0) return;
  refuse(key, "'" + path + "' can't be read: " + std::generic_category().message(errno));
}

using Url = common::ConfiguredUrl;

Url read_url(const std::string& text, std::string_view key, const std::string& expected) {
  Url url(text);
  if (!url.is_valid()) refuse(key, expected);
  return url;
}

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

/// The secret granted for `key`, else the text in that member, or the file named in `key` + "_file".
Secret read_secret(const sluice::Config& config, const sluice::Json& json, const std::string& key) {
  if (const auto granted = config.granted(json, key)) return {std::string(*granted), ""};
  Secret secret{json.string_or(key, ""), json.string_or(key + "_file", "")};
  const std::string place = (json.path().empty() ? "" : json.path().substr(1) + "/") + key;
  if (!secret.text.empty() && !secret.file.empty()) {
    refuse(place + "_file", key + " is set too; keep one of them");
  }
  if (!secret.file.empty()) {
    check_file(place + "_file", secret.file);
    secret.get();
  }
  return secret;
}

void check_endpoint(const std::string& endpoint) {
  const std::string words = "expected the https:// address of a token endpoint";
  const Url url = read_url(endpoint, "oauth/endpoint", words);
  const std::string scheme = url.part(CURLUPART_SCHEME);
  const bool encrypted = scheme == "https" || (scheme == "http" && is_loopback(url.part(CURLUPART_HOST)));
  if (!encrypted) refuse("oauth/endpoint", words + ", found '" + endpoint + "'");
}

OauthConfig read_oauth(const sluice::Config& config, const sluice::Json& json) {
  OauthConfig oauth;
  oauth.token = read_secret(config, json, "token");
  oauth.endpoint = json.string_or("endpoint", "");
  if (oauth.token.is_set() == !oauth.endpoint.empty()) {
    refuse("oauth", "expected either token_file, or endpoint with client_id");
  }
  if (oauth.token.is_set()) return oauth;
  check_endpoint(oauth.endpoint);
  oauth.client_id = json.string("client_id");
  oauth.client_secret = read_secret(config, json, "client_secret");
  oauth.refresh_token = read_secret(config, json, "refresh_token");
  oauth.scope = json.string_or("scope", "");
  if (!oauth.client_secret.is_set() && !oauth.refresh_token.is_set()) {
    refuse("oauth", "expected client_secret_file, refresh_token_file or both");
  }
  return oauth;
}

std::vector<std::string> read_logins(const sluice::Config& json, bool has_oauth) {
  const std::string auth = json.string_or("auth", "");
  const bool wants_oauth = auth == "xoauth2" || (auth.empty() && has_oauth);
  if (wants_oauth != has_oauth) {
    refuse("auth", has_oauth ? "the table oauth is only for xoauth2; remove auth or oauth"
                             : "xoauth2 needs the table oauth, with token_file or endpoint");
  }
  if (wants_oauth) return {"XOAUTH2", "OAUTHBEARER"};
  if (auth.empty()) return {"CRAM-MD5", "PLAIN", "LOGIN"};
  if (auth == "plain") return {"PLAIN"};
  if (auth == "login") return {"LOGIN"};
  if (auth == "cram-md5") return {"CRAM-MD5"};
  refuse("auth", "expected plain, login, cram-md5 or xoauth2, found '" + auth + "'");
}

void read_credentials(const sluice::Config& json, SmtpConfig& smtp) {
  smtp.user = json.string_or("user", "");
  smtp.password = read_secret(json, json, "password");
  const auto oauth = json.find("oauth");
  if (oauth) smtp.oauth = read_oauth(json, *oauth);
  smtp.logins = read_logins(json, oauth.has_value());
  if (smtp.password.is_set() && oauth) refuse("oauth", "a password is set too; keep one of them");
  const bool has_secret = smtp.password.is_set() || oauth;
  if (smtp.user.empty() && has_secret) refuse("user", "a password or token is set but no user; set both");
  if (!smtp.user.empty() && !has_secret)
    refuse("user", "no password is set; set password_file or the table oauth");
}

/// The configured name, or the host's name. Servers reject a name without a dot, so the sender's domain is
/// used instead of such a host name.
std::string ehlo_name(const sluice::Config& json, const Url& url, const Address& from) {
  const std::string path = url.part(CURLUPART_PATH);
  std::string name = json.string_or("ehlo_name", path.size() > 1 ? path.substr(1) : "");
  if (!name.empty()) {
    const bool literal = name.size() > 2 && name.front() == '[' && name.back() == ']';
    if (!literal && !is_domain(name))
      refuse("ehlo_name", "'" + name + "' is not a domain like mail.example.com");
    return name;
  }
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  for (const std::string& candidate : {std::string(host.data()), domain_of(from)}) {
    const bool full = candidate.find('.') != std::string::npos && candidate.find('_') == std::string::npos;
    if (full && is_domain(candidate)) return candidate;
  }
  return "[127.0.0.1]";
}

OnRejected read_on_rejected(const sluice::Config& json) {
  const auto text = json.string_or("on_rejected", "deliver");
  if (text == "deliver") return OnRejected::deliver;
  if (text == "none") return OnRejected::none;
  refuse("on_rejected", "expected deliver or none, found '" + text + "'");
}

/// The time between two mails, from a text like "30/min". Zero if it is not set.
std::chrono::microseconds read_rate(const sluice::Config& json) {
  const std::string text = json.string_or("rate", "");
  if (text.empty()) return std::chrono::microseconds(0);
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::int64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + slash, count);
  const std::string unit = text.substr(std::min(slash + 1, text.size()));
  const double seconds = unit == "s" ? 1 : unit == "min" ? 60 : unit == "h" ? 3600 : 0;
  const bool is_rate =
      parsed.ec == std::errc() && parsed.ptr == text.data() + slash && count > 0 && seconds > 0;
  const double interval = is_rate ? seconds / static_cast<double>(count) : 0;
  if (!(interval > 0 && interval <= longest_timeout)) {
    refuse("rate", "expected a rate like 10/s, 30/min or 500/h, found '" + text + "'");
  }
  return std::chrono::microseconds(std::llround(interval * 1e6));
}

std::shared_ptr<const DkimSigner> read_dkim(const sluice::Config& json, const Address& from) {
  const auto dkim = json.find("dkim");
  if (!dkim) return nullptr;
  const std::string domain = dkim->string_or("domain", domain_of(from));
  const std::string selector = dkim->string("selector");
  const std::string file = dkim->string("key_file");
  if (!is_domain(domain)) refuse("dkim/domain", "'" + domain + "' is not a domain like example.com");
  if (!is_domain(selector)) refuse("dkim/selector", "'" + selector + "' is not a selector like mail2026");
  check_file("dkim/key_file", file);
  std::ifstream stream(file, std::ios::binary);
  const std::string pem{std::istreambuf_iterator<char>(stream), {}};
  try {
    return std::make_shared<const DkimSigner>(domain, selector, pem);
  } catch (const std::runtime_error& error) {
    refuse("dkim/key_file", "'" + file + "' " + error.what());
  }
}

std::size_t read_count(const sluice::Config& json, std::string_view key, std::size_t fallback) {
  const auto member = json.find(key);
  if (!member) return fallback;
  const std::int64_t count = member->as_integer();
  if (count < 1) refuse(key, "expected a number above 0");
  return static_cast<std::size_t>(count);
}

SmtpConfig read_smtp(const sluice::Config& json) {
  const std::string expected = "expected smtp://host:port or smtps://host:port";
  SmtpConfig smtp;
  smtp.url = json.string("url");
  const Url url = read_url(smtp.url, "url", expected);
  const std::string scheme = url.part(CURLUPART_SCHEME);
  if ((scheme != "smtp" && scheme != "smtps") || url.part(CURLUPART_HOST).empty()) {
    refuse("url", expected);
  }
  if (!url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty()) {
    refuse("url", "errors show it, so it can't contain a password; set user and password_file");
  }
  const bool smtps = scheme == "smtps";
  smtp.starttls = read_starttls(json, smtps);
  read_credentials(json, smtp);
  if (!smtp.user.empty() && !smtps && smtp.starttls != Starttls::required &&
      !is_loopback(url.part(CURLUPART_HOST))) {
    refuse("starttls", "the password could be sent unencrypted; set it to required");
  }
  smtp.ca_file = json.string_or("ca_file", "");
  if (!smtp.ca_file.empty()) check_file("ca_file", smtp.ca_file);
  smtp.connect_timeout = read_timeout(json, "connect_timeout", smtp.connect_timeout);
  smtp.timeout = read_timeout(json, "timeout", smtp.timeout);
  smtp.on_rejected = read_on_rejected(json);
  return smtp;
}

void read_ehlo_name(const sluice::Config& json, const Address& from, SmtpConfig& smtp) {
  const Url url = read_url(smtp.url, "url", "expected smtp://host:port");
  smtp.ehlo_name = ehlo_name(json, url, from);
  const std::string path = url.part(CURLUPART_PATH);
  if (path.size() > 1) smtp.url.erase(smtp.url.rfind(path));
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

/// The folder of this plugin's file. It also contains the pdf plugin's folder.
std::string own_folder() {
  static const char here = 0;
  Dl_info info{};
  if (::dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return ".";
  return std::filesystem::path(info.dli_fname).parent_path().string();
}

TemplateConfig read_templates(const sluice::Config& json) {
  TemplateConfig templates;
  templates.directory = json.string_or("templates", "");
  if (templates.directory.empty()) return templates;
  check_directory("templates", templates.directory, R_OK);
  templates.python = json.string_or("python", "/usr/bin/python3");
  templates.program = json.string_or("renderer", own_folder() + "/pdf/renderer/pages.py");
  check_file("python", templates.python);
  check_file("renderer", templates.program);
  return templates;
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
  if (config.smtp) read_ehlo_name(json, config.from, *config.smtp);
  const std::string envelope_from = json.string_or("envelope_from", "");
  if (!envelope_from.empty()) {
    config.envelope_from = parse_mailbox(envelope_from, "configuration /envelope_from");
  }
  config.templates = read_templates(json);
  config.dkim = read_dkim(json, config.from);
  config.between_mails = read_rate(json);
  config.max_connections = read_count(json, "max_connections", 0);
  config.message_id_domain = json.string_or("message_id_domain", domain_of(config.from));
  if (!is_domain(config.message_id_domain)) {
    refuse("message_id_domain", "'" + config.message_id_domain + "' is not a domain like mail.example.com");
  }
  config.attachments_directory = json.string_or("attachments_directory", "");
  if (!config.attachments_directory.empty()) {
    check_directory("attachments_directory", config.attachments_directory, R_OK);
  }
  config.max_bytes = read_count(json, "max_bytes", config.max_bytes);
  return config;
}

}  // namespace email
