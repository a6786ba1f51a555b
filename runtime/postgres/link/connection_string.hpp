// Turns what people have in DATABASE_URL, Prisma's dialect included, into what libpq accepts, without
// ever showing a password. Values.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/link/call_watch.hpp"

namespace sluice::postgres {

struct ConnectionString {
  std::string conninfo;     ///< key='value' pairs for libpq, secrets included: never to be shown
  std::string description;  ///< for messages: database, host, port and user
  std::string schema;       ///< Prisma's `schema`; empty when not given
  bool pooled = false;      ///< behind PgBouncer in transaction mode (`pgbouncer=true`)
  bool unpooled = false;    ///< in a session of its own, even behind a pool (`pgbouncer=false`)
  bool has_password = false;
  /// Passwords, as given and decoded, to be scrubbed from messages. Those that a mask would tell are left
  /// out: what is also a name, and plain words.
  std::vector<std::string> secrets;
  std::string file;  ///< that holds the URL, where one does: it may change while we run
  /// Ends calls that last too long; shared by the connections of one store.
  std::shared_ptr<CallWatch> watch = std::make_shared<CallWatch>();
};

/// Reads postgres:// and postgresql:// URLs and key=value strings. Parameters that are Prisma's alone
/// are translated or dropped. Throws Refused; the message never repeats the text.
ConnectionString parse_connection_string(const std::string& text);

/// The same; `file` is where `url` was read from, or empty.
ConnectionString connection_string_of(const std::string& url, const std::string& file);

/// Where LISTEN works: past a pool, where a `direct` way is given.
ConnectionString listening_target(const std::string& direct, const std::string& url, const std::string& file);

/// Before a new connection: reads `target.file` again, so that a password may be changed. What can't be read
/// changes nothing.
void refresh(ConnectionString& target);

/// What `text` connects to, fit for messages; never throws, never shows a secret.
std::string describe(const std::string& text);

/// The schema that a Prisma URL names, or nothing.
std::string url_schema(const std::string& text);

/// `message` with each secret replaced by ***.
std::string scrubbed(std::string message, const std::vector<std::string>& secrets);

}  // namespace sluice::postgres
