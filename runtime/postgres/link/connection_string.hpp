// Turns the content of DATABASE_URL, including Prisma's dialect, into what libpq accepts, without ever
// showing a password. Values.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/link/call_watch.hpp"

namespace sluice::postgres {

struct ConnectionString {
  std::string conninfo;     ///< key='value' pairs for libpq, including secrets: never to be shown
  std::string description;  ///< for messages: database, host, port and user
  std::string schema;       ///< Prisma's `schema`; empty if not given
  bool pooled = false;      ///< behind PgBouncer in transaction mode (`pgbouncer=true`)
  bool unpooled = false;    ///< its session is its own, even behind a pool (`pgbouncer=false`)
  bool has_password = false;
  /// Passwords, as given and decoded, to be masked in messages. Names and plain words are left out, because
  /// the mask would reveal them.
  std::vector<std::string> secrets;
  std::string file;  ///< the file that holds the URL, if one does; it may change while we run
  /// The server ends each statement after this, and each wait for a lock after `lock_patience`; zero: never.
  std::chrono::milliseconds statement_limit{0};
  /// Ends calls that last too long; shared by the connections of one store.
  std::shared_ptr<CallWatch> watch = std::make_shared<CallWatch>();
};

/// For a page or a question, which somebody waits for.
inline constexpr std::chrono::milliseconds lock_patience{1000};

/// Reads postgres:// and postgresql:// URLs and key=value strings. Parameters that only Prisma knows are
/// translated or dropped. Throws Refused; the message never repeats the text.
ConnectionString parse_connection_string(const std::string& text);

/// The same; `file` is the file from which `url` was read, or empty.
ConnectionString connection_string_of(const std::string& url, const std::string& file);

/// The same target, where each statement has a time limit.
ConnectionString with_statement_limit(ConnectionString target, std::chrono::milliseconds limit);

/// Where LISTEN works: around a pool, if a `direct` URL is given.
ConnectionString listening_target(const std::string& direct, const std::string& url, const std::string& file);

/// Before a new connection: reads `target.file` again, so that a password may be changed. A file that can't
/// be read changes nothing.
void refresh(ConnectionString& target);

/// What `text` connects to, for messages. Never throws, never shows a secret.
std::string describe(const std::string& text);

/// The schema that a Prisma URL names, or empty.
std::string url_schema(const std::string& text);

/// `message` with each secret replaced by ***.
std::string scrubbed(std::string message, const std::vector<std::string>& secrets);

}  // namespace sluice::postgres
