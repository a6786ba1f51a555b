// Turns what people have in DATABASE_URL, Prisma's dialect included, into what libpq accepts, without
// ever showing a password. Values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::store {

struct ConnectionString {
  std::string conninfo;              ///< key='value' pairs for libpq, secrets included: never to be shown
  std::string description;           ///< for messages: database, host, port and user
  std::string schema;                ///< Prisma's `schema`; empty when not given
  bool pooled = false;               ///< behind PgBouncer in transaction mode (`pgbouncer=true`)
  bool unpooled = false;             ///< in a session of its own, even behind a pool (`pgbouncer=false`)
  std::vector<std::string> secrets;  ///< passwords, as given and decoded, to be scrubbed from messages
};

/// Reads postgres:// and postgresql:// URLs and key=value strings. Parameters that are Prisma's alone
/// are translated or dropped. Throws Refused; the message never repeats the text.
ConnectionString parse_connection_string(const std::string& text);

/// What `text` connects to, fit for messages; never throws, never shows a secret.
std::string describe(const std::string& text);

/// The schema that a Prisma URL names, or nothing.
std::string url_schema(const std::string& text);

/// `message` with each secret replaced by ***.
std::string scrubbed(std::string message, const std::vector<std::string>& secrets);

}  // namespace sluice::store
