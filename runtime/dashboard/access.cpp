#include "dashboard/access.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/usage_error.hpp"
#include "dashboard/form.hpp"
#include "trust/digest.hpp"

namespace sluice::dashboard {

namespace {

constexpr std::chrono::hours session_time{12};
constexpr std::size_t most_sessions = 10'000;
constexpr std::size_t digest_length = 64;
constexpr std::string_view payloads_suffix = "+payloads";

std::string in_hexadecimal(const unsigned char* bytes, std::size_t count) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4U];
    text += digits[bytes[i] & 15U];
  }
  return text;
}

bool is_same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

/// "127.0.0.1:9640" without its port; the loopback's name can't be another site's.
bool is_loopback_name(std::string host) {
  if (const auto colon = host.rfind(':');
      colon != std::string::npos && host.find(']', colon) == std::string::npos)
    host.erase(colon);
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

/// The port that a browser has asked; empty: the usual one.
std::string port_of(const std::string& host) {
  const auto colon = host.rfind(':');
  const bool is_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  return is_port ? host.substr(colon + 1) : "";
}

std::string bearer_of(const http::Request& request) {
  const std::string header = request.header("authorization");
  constexpr std::string_view scheme = "bearer";  // in capitals or not
  const bool is_bearer = header.size() > scheme.size() && header[scheme.size()] == ' ' &&
                         std::equal(scheme.begin(), scheme.end(), header.begin(), [](char a, char b) {
                           return a == std::tolower(static_cast<unsigned char>(b));
                         });
  if (!is_bearer) return "";
  const auto begin = header.find_first_not_of(' ', scheme.size());
  return begin == std::string::npos ? "" : header.substr(begin);
}

[[noreturn]] void refuse(const std::string& path, int line, const std::string& problem) {
  throw base::UsageError(
      "reading the tokens' file failed: " + path + ":" + std::to_string(line) + ": " + problem +
      "; a line has a name, a role and a digest, as `sluice dashboard --new-token` prints it");
}

}  // namespace

std::string_view role_name(Role role) {
  static constexpr std::array<std::string_view, 3> names{"view", "operate", "admin"};
  return names.at(static_cast<std::size_t>(role));
}

std::optional<Visitor> parse_role(std::string_view text) {
  Visitor visitor;
  visitor.payloads = text.ends_with(payloads_suffix);
  if (visitor.payloads) text.remove_suffix(payloads_suffix.size());
  for (const Role role : {Role::view, Role::operate, Role::admin}) {
    if (text != role_name(role)) continue;
    visitor.role = role;
    visitor.payloads = visitor.payloads || role == Role::admin;
    return visitor;
  }
  return std::nullopt;
}

std::vector<TokenEntry> read_tokens(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw base::UsageError("reading the tokens' file '" + path +
                           "' failed: it is missing or unreadable; check http.tokens and the permissions");
  }
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0)
    throw base::UsageError("the tokens' file '" + path +
                           "' can be written by everybody, who could make themselves admins; run chmod o-w");
  std::vector<TokenEntry> entries;
  std::map<std::string, std::pair<int, std::string>> known;  // the line and role of each name
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream words(line);
    std::string name;
    std::string role;
    std::string digest;
    if (!(words >> name) || name.front() == '#') continue;
    words >> role >> digest;
    auto owner = parse_role(role);
    if (!owner) refuse(path, number, "unknown role '" + role + "'; known are view, operate and admin");
    if (digest.size() != digest_length || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
      refuse(path, number, "the digest must have " + std::to_string(digest_length) + " hexadecimal digits");
    const auto& [line_before, role_before] = known.emplace(name, std::pair(number, role)).first->second;
    if (role_before != role)
      refuse(path, number,
             "'" + name + "' has role " + role + ", but role " + role_before + " in line " +
                 std::to_string(line_before) + "; the audit could not tell them apart");
    owner->name = name;
    entries.push_back({std::move(*owner), digest});
  }
  if (entries.empty()) throw base::UsageError("the tokens' file '" + path + "' contains no token");
  return entries;
}

std::string new_token() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("the system gave no random bytes for a token");
  return in_hexadecimal(bytes.data(), bytes.size());
}

std::string digest_of(std::string_view token) {
  return trust::sha256(token);
}

Access::Access(Options options) : options_(std::move(options)) {}

std::string cookie_name(const std::string& what, const http::Request& request, const std::string& prefix) {
  std::string name = what + "_" + port_of(request.header("host")) + prefix;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

std::string cookie_value(const http::Request& request, const std::string& name) {
  const std::string all = "; " + request.header("cookie");
  const auto at = all.find("; " + name + "=");
  if (at == std::string::npos) return "";
  const auto begin = at + name.size() + 3;
  return decoded(all.substr(begin, all.find(';', begin) - begin));
}

std::optional<Visitor> Access::of_session(const http::Request& request, const std::string& prefix) const {
  const std::string cookie = cookie_value(request, cookie_name(session_cookie, request, prefix));
  if (cookie.empty()) return std::nullopt;
  const base::Lock lock(mutex_);
  const auto session = sessions_.find(digest_of(cookie));
  const bool lasts = session != sessions_.end() && base::Clock::now() < session->second.ends;
  return lasts ? std::optional(session->second.visitor) : std::nullopt;
}

bool Access::has_session(const http::Request& request, const std::string& prefix) const {
  return bearer_of(request).empty() && !of_proxy(request) && of_session(request, prefix).has_value();
}

std::optional<Visitor> Access::visitor(const http::Request& request, const std::string& prefix) const {
  if (const std::string token = bearer_of(request); !token.empty()) return owner_of(token);
  if (auto user = of_proxy(request)) return user;
  if (auto user = of_session(request, prefix)) return user;
  // A page of another site can't have this host's name, except by rebinding its own.
  if (options_.anonymous && is_loopback_name(request.header("host"))) return options_.anonymous;
  return std::nullopt;
}

std::optional<std::string> Access::log_in(std::string_view token) {
  const auto owner = owner_of(token);
  if (!owner) return std::nullopt;
  std::string secret = new_token();
  const auto now = base::Clock::now();
  const base::Lock lock(mutex_);
  std::erase_if(sessions_, [&](const auto& session) { return session.second.ends <= now; });
  if (sessions_.size() >= most_sessions) sessions_.erase(sessions_.begin());
  sessions_[digest_of(secret)] = {*owner, now + session_time};
  return secret;
}

void Access::log_out(const http::Request& request, const std::string& prefix) {
  const base::Lock lock(mutex_);
  sessions_.erase(digest_of(cookie_value(request, cookie_name(session_cookie, request, prefix))));
}

bool Access::is_own(const http::Request& request) const {
  if (!bearer_of(request).empty()) return true;  // no browser adds it by itself
  const std::string site = request.header("sec-fetch-site");
  if (!site.empty()) return site == "same-origin" || site == "none";
  const std::string origin = request.header("origin");
  const auto host = origin.find("://");
  if (host == std::string::npos) return false;
  const std::string forwarded = is_proxy(request) ? request.header("x-forwarded-host") : std::string();
  const std::string name = origin.substr(host + 3);
  return name == request.header("host") || (!forwarded.empty() && name == forwarded);
}

std::optional<Visitor> Access::owner_of(std::string_view token) const {
  const std::string digest = digest_of(token);
  for (const TokenEntry& entry : options_.tokens) {
    if (is_same(entry.digest, digest)) return entry.owner;
  }
  return std::nullopt;
}

bool Access::is_proxy(const http::Request& request) const {
  const auto& proxies = options_.proxies;
  return std::find(proxies.begin(), proxies.end(), request.peer) != proxies.end();
}

std::optional<Visitor> Access::of_proxy(const http::Request& request) const {
  if (!is_proxy(request)) return std::nullopt;
  auto user = parse_role(request.header(options_.role_header));
  if (!user || request.header(options_.user_header).empty()) return std::nullopt;
  user->name = request.header(options_.user_header);
  return user;
}

}  // namespace sluice::dashboard
