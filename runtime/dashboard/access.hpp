// Who may see the dashboard, and do what: by a token, by the session of a browser that sent one, by the
// headers of a proxy that authenticates users, or, on the loopback without any of these, everybody.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/threads.hpp"
#include "config/config.hpp"
#include "http/server.hpp"

namespace sluice::dashboard {

/// Each includes the ones before it.
enum class Role {
  view,     ///< sees everything but payloads and outputs
  operate,  ///< retries and cancels jobs, pauses types, enqueues
  admin,    ///< deletes, and reads the audit
};

std::string_view role_name(Role role);

struct Visitor {
  std::string name;
  Role role = Role::view;
  bool payloads = false;  ///< sees payloads and outputs
};

/// A role as a file or a header has it: "view", "operate" or "admin", and "+payloads" behind the first two
/// for the right to see payloads. Admins have it. nullopt if it is invalid.
std::optional<Visitor> parse_role(std::string_view text);

/// A token's owner, and the SHA-256 of the token, in hexadecimal.
struct TokenEntry {
  Visitor owner;
  std::string digest;
};

/// Reads a file of tokens: in each line a name, a role and the digest, separated by blanks; lines that begin
/// with "#" are comments. Throws base::UsageError with the line's number.
std::vector<TokenEntry> read_tokens(const std::string& path);

/// A random token of 64 hexadecimal digits.
std::string new_token();
std::string digest_of(std::string_view token);

/// Throws nothing after its construction. Any thread.
class Access {
 public:
  struct Options {
    std::vector<TokenEntry> tokens;
    std::vector<std::string> proxies;
    std::string user_header;           ///< in small letters
    std::string role_header;           ///< in small letters
    std::optional<Visitor> anonymous;  ///< everybody, on the loopback
  };
  explicit Access(Options options);

  /// nullopt: nobody who may see anything. `prefix` is what is before every path, here and below.
  std::optional<Visitor> visitor(const http::Request& request, const std::string& prefix = "") const;
  /// Whether the request belongs to a session, which can be ended.
  bool has_session(const http::Request& request, const std::string& prefix = "") const;
  /// The session's secret for a valid token, to be sent as the cookie.
  std::optional<std::string> log_in(std::string_view token);
  void log_out(const http::Request& request, const std::string& prefix = "");

  /// Whether it comes from a proxy that is named, whose headers are believed.
  bool is_proxy(const http::Request& request) const;

  /// Whether the request was not caused by a page of another site, which could use the visitor's session.
  bool is_own(const http::Request& request) const;

 private:
  struct Session {
    Visitor visitor;
    base::Clock::time_point ends;
  };

  std::optional<Visitor> of_session(const http::Request& request, const std::string& prefix) const;
  std::optional<Visitor> owner_of(std::string_view token) const;
  std::optional<Visitor> of_proxy(const http::Request& request) const;

  const Options options_;
  mutable base::Mutex mutex_;
  std::map<std::string, Session> sessions_ GUARDED_BY(mutex_);  // by the digest of the cookie
};

/// The cookie of this dashboard, "sluice_session_9641_ops": a browser sends the cookies of a host to all its
/// ports, and those of "/" to all paths.
std::string cookie_name(const std::string& what, const http::Request& request, const std::string& prefix);

/// Its value, decoded; empty if the request has none.
std::string cookie_value(const http::Request& request, const std::string& name);

inline constexpr const char* session_cookie = "sluice_session";

}  // namespace sluice::dashboard
