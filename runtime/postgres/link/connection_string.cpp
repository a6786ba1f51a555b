#include "postgres/link/connection_string.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <utility>

#include "base/secret_file.hpp"
#include "base/usage_error.hpp"
#include "postgres/interface.hpp"

namespace sluice::postgres {

namespace {

using Parameters = std::map<std::string, std::string>;
using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

/// Prisma's own parameters, which mean nothing for one connection of libpq.
constexpr std::array<std::string_view, 9> dropped_parameters{
    "connection_limit", "pool_timeout",           "socket_timeout",          "statement_cache_size",
    "sslidentity",      "single_use_connections", "max_connection_lifetime", "max_idle_connection_lifetime",
    "uselibpqcompat"};

[[noreturn]] void refuse(const std::string& why) {
  throw Refused("the database URL is invalid (it is not shown, because it may hold a password): " + why +
                "; expected postgresql://user:password@host:port/database, where characters such as "
                "@ : / ? # in user and password are percent-encoded");
}

bool is_url(std::string_view text) {
  return text.starts_with("postgres://") || text.starts_with("postgresql://");
}

/// libpq ends user and password at the first "@", and takes the rest as the host, which is shown.
void check_at_signs(std::string_view url) {
  url.remove_prefix(url.find("//") + 2);
  url = url.substr(0, url.find('?'));
  const std::size_t last = url.rfind('@');
  if (last == std::string_view::npos) return;
  if (url.find('@') != last || url.find('/') < last) {
    refuse("an @ or / before the host's name is not percent-encoded, or there is an extra one");
  }
}

/// In key=value strings, or after the question mark of a URL. "@name" is an abstract socket, without a file.
void check_hosts(std::string_view hosts) {
  for (std::size_t at = hosts.find('@'); at != std::string_view::npos; at = hosts.find('@', at + 1)) {
    if (at > 0 && hosts[at - 1] != ',') refuse("there is an @ in the name of a host");
  }
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2 ||
        value == 0) {
      refuse("a percent sign is not followed by two hexadecimal digits");
    }
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

Parameters query_parameters(std::string_view query) {
  Parameters parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) refuse("a parameter after the question mark has no value");
    parameters[decoded(pair.substr(0, equals))] = decoded(pair.substr(equals + 1));
  }
  return parameters;
}

std::string take(Parameters& parameters, const std::string& key) {
  const auto node = parameters.extract(key);
  return node.empty() ? std::string() : node.mapped();
}

/// Prisma's sslcert is the certificate of the authority. libpq's is the client's, and needs a key.
void translate_ssl(Parameters& parameters) {
  if (parameters.contains("sslcert") && !parameters.contains("sslkey")) {
    parameters["sslrootcert"] = take(parameters, "sslcert");
  }
  if (parameters.contains("sslidentity")) parameters.erase("sslpassword");
  const std::string accept = take(parameters, "sslaccept");
  if (accept.empty() || parameters["sslmode"] == "disable") {
    if (parameters["sslmode"].empty()) parameters.erase("sslmode");
    return;
  }
  if (accept == "strict") {
    parameters["sslmode"] = "verify-full";
  } else if (accept != "accept_invalid_certs") {
    refuse("sslaccept is neither strict nor accept_invalid_certs");
  } else if (parameters["sslmode"].empty()) {
    parameters["sslmode"] = "require";
  }
}

Options libpq_options(const std::string& text) {
  char* message = nullptr;
  Options options(PQconninfoParse(text.c_str(), &message), &PQconninfoFree);
  PQfreemem(message);
  return options;
}

bool known_to_libpq(const std::string& key) {
  if (key == "ssl" || key == "requiressl") return true;
  const Options defaults(PQconndefaults(), &PQconninfoFree);
  for (const PQconninfoOption* o = defaults.get(); o != nullptr && o->keyword != nullptr; ++o) {
    if (key == o->keyword) return true;
  }
  return false;
}

/// Names the parameter only if it can't be a part of a password that was not encoded.
void check_known(const Parameters& parameters, std::string_view query) {
  for (const auto& [key, value] : parameters) {
    if (known_to_libpq(key)) continue;
    if (query.find('@') != std::string_view::npos) refuse("it has an unknown parameter");
    refuse("it has the unknown parameter '" + key + "'");
  }
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

/// A URL without the parameters that libpq would refuse.
std::string translate_url(const std::string& text, ConnectionString& result) {
  check_at_signs(text);
  const std::size_t mark = text.find('?');
  if (mark == std::string::npos) return text;
  const std::string_view query = std::string_view(text).substr(mark + 1);
  Parameters parameters = query_parameters(query);
  result.schema = take(parameters, "schema");
  const std::string pooled = take(parameters, "pgbouncer");
  result.pooled = pooled == "true" || pooled == "1";
  result.unpooled = pooled == "false" || pooled == "0";
  translate_ssl(parameters);
  for (const auto key : dropped_parameters) parameters.erase(std::string(key));
  check_known(parameters, query);
  std::string url = text.substr(0, mark);
  char separator = '?';
  for (const auto& [key, value] : parameters) {
    url.append(1, separator).append(key).append("=").append(percent_encoded(value));
    separator = '&';
  }
  return url;
}

void add_pair(std::string& conninfo, std::string_view key, std::string_view value) {
  conninfo.append(conninfo.empty() ? "" : " ").append(key).append("='");
  for (const char c : value) {
    if (c == '\'' || c == '\\') conninfo += '\\';
    conninfo += c;
  }
  conninfo += '\'';
}

/// With these, a connection that breaks silently is noticed within half a minute.
void add_defaults(std::string& conninfo, const Parameters& given) {
  const Parameters defaults{{"client_encoding", "UTF8"},  {"fallback_application_name", "sluice"},
                            {"connect_timeout", "10"},    {"keepalives_idle", "15"},
                            {"keepalives_interval", "5"}, {"keepalives_count", "3"},
                            {"tcp_user_timeout", "30000"}};
  for (const auto& [key, value] : defaults) {
    if (key == "client_encoding" || !given.contains(key)) add_pair(conninfo, key, value);
  }
}

std::string described(const Parameters& given) {
  const auto value = [&](const char* key, const char* otherwise) {
    const auto found = given.find(key);
    return found == given.end() || found->second.empty() ? std::string(otherwise) : found->second;
  };
  const std::string host = value("host", value("hostaddr", "the local socket").c_str());
  std::string text = "database '" + value("dbname", "(default)") + "' at " + host;
  if (given.contains("port")) text.append(":").append(value("port", "5432"));
  if (given.contains("user")) text.append(" as user '").append(value("user", "")).append("'");
  return text;
}

/// Whether masking the secret would not reveal it: it is neither a name nor a word of a message.
bool fit_for_masking(const std::string& secret, const std::string& description) {
  const bool word = std::all_of(secret.begin(), secret.end(),
                                [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return !word && description.find(secret) == std::string::npos;
}

}  // namespace

ConnectionString parse_connection_string(const std::string& text) {
  ConnectionString result;
  if (text.empty())
    throw Refused("the database URL is empty: set DATABASE_URL to postgresql://user:password@host/database");
  if (text.find('\0') != std::string::npos) refuse("it holds a NUL character");
  const Options options = libpq_options(is_url(text) ? translate_url(text, result) : text);
  if (!options) refuse("libpq did not accept it");
  Parameters given;
  for (const PQconninfoOption* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr) continue;
    given[o->keyword] = o->val;
    if (std::string_view(o->keyword) != "client_encoding") add_pair(result.conninfo, o->keyword, o->val);
  }
  if (given.contains("port") && given["port"].find_first_not_of("0123456789,") != std::string::npos)
    refuse("the port is not a number");
  for (const char* key : {"host", "hostaddr"}) {
    if (given.contains(key)) check_hosts(given[key]);
  }
  result.description = described(given);
  for (const char* key : {"password", "sslpassword"}) {
    if (!given.contains(key)) continue;
    result.has_password = true;
    if (!fit_for_masking(given[key], result.description)) continue;
    result.secrets.push_back(given[key]);
    result.secrets.push_back(percent_encoded(given[key]));
  }
  add_defaults(result.conninfo, given);
  return result;
}

ConnectionString connection_string_of(const std::string& url, const std::string& file) {
  ConnectionString target = parse_connection_string(url);
  target.file = file;
  return target;
}

ConnectionString with_statement_limit(ConnectionString target, std::chrono::milliseconds limit) {
  target.statement_limit = limit;
  return target;
}

ConnectionString listening_target(const std::string& direct, const std::string& url,
                                  const std::string& file) {
  return direct.empty() ? connection_string_of(url, file) : connection_string_of(direct, "");
}

void refresh(ConnectionString& target) {
  if (target.file.empty()) return;
  try {
    ConnectionString now = parse_connection_string(base::read_secret_file(target.file));
    target.conninfo = std::move(now.conninfo);
    target.description = std::move(now.description);
    target.secrets = std::move(now.secrets);
  } catch (const base::UsageError&) {  // being written just now, or gone: the server says what is wrong with
                                       // the old
  } catch (const Refused&) {
  }
}

std::string describe(const std::string& text) {
  try {
    return parse_connection_string(text).description;
  } catch (const Refused&) {
    return "an invalid database URL";
  }
}

std::string url_schema(const std::string& text) {
  return parse_connection_string(text).schema;
}

std::string scrubbed(std::string message, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = message.find(secret); at != std::string::npos; at = message.find(secret, at + 3)) {
      message.replace(at, secret.size(), "***");
    }
  }
  return message;
}

}  // namespace sluice::postgres
