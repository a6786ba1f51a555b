#include "postgres/link/session_settings.hpp"

#include <array>
#include <string_view>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

namespace {

struct Setting {
  std::string_view name;
  std::string_view value;
};

/// Deliberately left alone: default_transaction_read_only, with which an operator closes a database for
/// writes; synchronous_commit; and the time zone, on which no statement of ours depends, but an application's
/// trigger may. A setting that the server does not know is skipped.
constexpr std::array<Setting, 18> settings{{
    {"array_nulls", "on"},
    {"backslash_quote", "safe_encoding"},
    {"bytea_output", "hex"},
    {"DateStyle", "ISO"},
    {"escape_string_warning", "off"},
    {"extra_float_digits", "1"},
    {"IntervalStyle", "postgres"},
    {"jit", "off"},
    {"lock_timeout", "0"},
    {"quote_all_identifiers", "off"},
    {"row_security", "on"},
    {"standard_conforming_strings", "on"},
    {"statement_timeout", "0"},
    {"transaction_timeout", "0"},
    {"transform_null_equals", "off"},
    {"idle_session_timeout", "0"},
    // A process or a machine that freezes between two statements must not keep its locks, because then nobody
    // could rescue its jobs. The server ends its session.
    {"idle_in_transaction_session_timeout", "5s"},
    {"tcp_user_timeout", "15s"},
}};

/// A database without an encoding can't convert its texts, and would refuse a batch because of one row that
/// is not UTF-8. So it sends bytes, and the reader checks them.
constexpr std::string_view encoding =
    "CASE pg_catalog.current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END";

/// Triggers of the application run under it too, and must find what they name as usual. The only changes are
/// that nothing comes before pg_catalog, that temporary objects of sessions come last, and that schema
/// sluice, which has tables of names such as audit, comes after the application's schemas if "$user" means
/// it.
constexpr std::string_view search_path =
    R"('pg_catalog, ' || coalesce(nullif(CASE WHEN current_user = 'sluice' THEN pg_catalog.regexp_replace()"
    R"(pg_catalog.current_setting('search_path'), '"\$user" *, *|( *, *)?"\$user"', '', 'g') ELSE )"
    R"(pg_catalog.current_setting('search_path') END, '') || ', ', '') )"
    R"(|| CASE WHEN current_user = 'sluice' THEN 'sluice, ' ELSE '' END || 'pg_temp')";

std::string set_all(bool local) {
  const std::string scope = local ? "true" : "false";
  std::string sql = "SELECT pg_catalog.set_config(s.name, s.value, " + scope + ") FROM (VALUES ";
  for (const Setting& setting : settings) {
    if (sql.back() == ')') sql += ", ";
    sql += "(" + quoted_literal(setting.name) + ", " + quoted_literal(setting.value) + ")";
  }
  sql += ") AS s (name, value) WHERE pg_catalog.current_setting(s.name, true) IS NOT NULL";
  sql += "; SELECT pg_catalog.set_config('search_path', " + std::string(search_path) + ", " + scope + ")";
  sql += "; SELECT pg_catalog.set_config('client_encoding', " + std::string(encoding) + ", " + scope + ")";
  return sql;
}

}  // namespace

std::string session_settings() {
  return "SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; " +
         set_all(false);
}

std::string restored_settings() {
  return set_all(true);
}

std::string transaction_settings() {
  return "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; " + set_all(true);
}

}  // namespace sluice::postgres
