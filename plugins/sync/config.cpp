#include "config.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "json.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

using sluice::Json;

[[noreturn]] void refuse(const Json& json, const std::string& key, const std::string& why) {
  throw std::runtime_error("configuration " + json.path() + "/" + key + ": " + why);
}

milliseconds read_timeout(const Json& json, const std::string& key, milliseconds fallback) {
  const double seconds = json.number_or(key, static_cast<double>(fallback.count()) / 1000);
  if (!(seconds >= 0.001 && seconds <= 3600)) refuse(json, key, "expected seconds, above 0 and up to 3600");
  return milliseconds(std::llround(seconds * 1000));
}

std::size_t read_count(const Json& json, const std::string& key, std::size_t fallback, std::int64_t most) {
  const std::int64_t count = json.integer_or(key, static_cast<std::int64_t>(fallback));
  if (count < 1 || count > most) refuse(json, key, "expected a number from 1 to " + std::to_string(most));
  return static_cast<std::size_t>(count);
}

void check_file(const Json& json, const std::string& key, const std::string& path) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return;
  refuse(json, key, "'" + path + "' can't be read: " + std::generic_category().message(errno));
}

rapidjson::Pointer read_pointer(const Json& json, const std::string& key, const std::string& text) {
  try {
    return pointer_of(text);
  } catch (const std::invalid_argument& error) {
    refuse(json, key, std::string(error.what()) + ", found '" + text + "'");
  }
}

std::vector<std::string> read_texts(const Json& json, const std::string& key) {
  std::vector<std::string> texts;
  if (const auto array = json.find(key)) {
    for (const auto& text : array->as_array()) texts.push_back(text.as_string());
  }
  return texts;
}

bool is_header_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string::npos;
  });
}

void read_headers(const Json& json, Endpoint& endpoint) {
  const auto headers = json.find("headers");
  if (!headers) return;
  for (const auto& member : headers->as_object().value().GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    const std::string value = headers->string(name);
    if (!is_header_name(name)) refuse(*headers, name, "this is no name of a header");
    if (value.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
      refuse(*headers, name, "the value of a header is one line");
    }
    // libcurl drops a header that ends in its colon, and sends one that ends in a semicolon empty.
    endpoint.headers.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
}

Url read_url(const Json& json) {
  try {
    return Url(json.string("url"));
  } catch (const std::invalid_argument& error) {
    refuse(json, "url", error.what());
  }
}

Endpoint read_endpoint(const Json& json) {
  Endpoint endpoint(read_url(json));
  read_headers(json, endpoint);
  endpoint.token_file = json.string_or("token_file", "");
  check_file(json, "token_file", endpoint.token_file);
  endpoint.token_header = json.string_or("token_header", endpoint.token_header);
  if (!is_header_name(endpoint.token_header)) refuse(json, "token_header", "this is no name of a header");
  endpoint.allow_hosts = read_texts(json, "allow_hosts");
  endpoint.allow_private = json.boolean_or("allow_private", endpoint.allow_private);
  // Within a private network the operator may know better.
  if (!endpoint.token_file.empty() && !endpoint.url.is_https() && !endpoint.allow_private) {
    refuse(json, "url", "the token would go over the network unencrypted; use https");
  }
  endpoint.ca_file = json.string_or("ca_file", "");
  check_file(json, "ca_file", endpoint.ca_file);
  endpoint.connect_timeout = read_timeout(json, "connect_timeout", endpoint.connect_timeout);
  endpoint.timeout = read_timeout(json, "timeout", endpoint.timeout);
  endpoint.max_bytes = read_count(json, "max_bytes", endpoint.max_bytes, std::int64_t{1} << 30);
  return endpoint;
}

Paging read_paging(const Json& json) {
  const std::string text = json.string_or("paging", "none");
  if (text == "none") return Paging::none;
  if (text == "link") return Paging::link;
  if (text == "field") return Paging::field;
  if (text == "page") return Paging::page;
  if (text == "offset") return Paging::offset;
  refuse(json, "paging", "expected none, link, field, page or offset, found '" + text + "'");
}

ApiSource read_source(const Json& json) {
  if (json.string("kind") != "api") refuse(json, "kind", "a source is an api");
  ApiSource source(read_endpoint(json));
  source.records = read_pointer(json, "records", json.string_or("records", ""));
  source.paging = read_paging(json);
  if (source.paging == Paging::field) source.next = read_pointer(json, "next", json.string("next"));
  const bool by_page = source.paging == Paging::page;
  source.page_parameter = json.string_or("page_parameter", by_page ? "page" : "offset");
  source.first_page = json.integer_or("first_page", source.first_page);
  source.max_pages = read_count(json, "max_pages", source.max_pages, 100'000);
  if (json.find("cursor")) {
    source.cursor = read_pointer(json, "cursor", json.string("cursor"));
    source.cursor_parameter = json.string("cursor_parameter");
  }
  source.etag = json.boolean_or("etag", false);
  if (source.etag && (source.cursor || source.paging != Paging::none)) {
    refuse(json, "etag", "an ETag speaks for one response: leave out paging and cursor, or etag");
  }
  source.parameters = read_texts(json, "parameters");
  return source;
}

std::string quoted_identifier(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string read_table(const Json& json, const std::string& key) {
  const std::string name = json.string(key);
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == name.size() ||
      name.find('\0') != std::string::npos) {
    refuse(json, key, "expected schema.table, found '" + name + "'");
  }
  return quoted_identifier(name.substr(0, dot)) + "." + quoted_identifier(name.substr(dot + 1));
}

/// Names, each a field of the record; or names with the JSON pointers of their values.
std::vector<Column> read_columns(const Json& json, const std::string& key) {
  std::vector<Column> columns;
  const auto given = json.find(key);
  if (!given) return columns;
  if (given->value().IsArray()) {
    for (const std::string& name : read_texts(json, key)) {
      const rapidjson::Pointer field =
          rapidjson::Pointer().Append(name.c_str(), static_cast<rapidjson::SizeType>(name.size()));
      columns.push_back({name, field});
    }
  } else {
    for (const auto& member : given->as_object().value().GetObject()) {
      const std::string name(member.name.GetString(), member.name.GetStringLength());
      columns.push_back({name, read_pointer(*given, name, given->string(name))});
    }
  }
  if (columns.empty()) refuse(json, key, "it is empty");
  for (const Column& column : columns) {
    const auto same = [&](const Column& other) { return other.name == column.name; };
    if (column.name.empty() || column.name.find('\0') != std::string::npos ||
        std::count_if(columns.begin(), columns.end(), same) > 1) {
      refuse(json, key, "'" + column.name + "' is no name, or there twice");
    }
  }
  return columns;
}

void read_keys(const Json& json, std::vector<Column>& columns) {
  const auto keys = read_texts(json, "key");
  if (keys.empty()) refuse(json, "key", "expected the columns by which a row is found");
  for (const std::string& key : keys) {
    const auto column =
        std::find_if(columns.begin(), columns.end(), [&](const Column& any) { return any.name == key; });
    if (column == columns.end()) refuse(json, "key", "'" + key + "' is not among the columns");
    column->key = true;
  }
}

void read_own_connection(const Json& json, DatabaseTarget& target) {
  target.url = json.string_or("url", "");
  target.url_file = json.string_or("url_file", "");
  target.own_connection = !target.url.empty() || !target.url_file.empty();
  if (!target.url.empty() && !target.url_file.empty())
    refuse(json, "url_file", "there is a url too; keep one");
  check_file(json, "url_file", target.url_file);
  // libpq's own words could repeat a password.
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(target.url.c_str(), nullptr), &PQconninfoFree);
  if (!parsed) refuse(json, "url", "this is no URL of a PostgreSQL database");
  if (json.find("state")) {
    if (!target.own_connection) refuse(json, "state", "only a target with url or url_file can keep it");
    target.state = read_table(json, "state");
  }
  target.connect_timeout = read_timeout(json, "connect_timeout", target.connect_timeout);
  target.statement_timeout = read_timeout(json, "statement_timeout", target.statement_timeout);
  target.lock_timeout = read_timeout(json, "lock_timeout", target.lock_timeout);
}

DatabaseTarget read_database(const Json& json) {
  DatabaseTarget target;
  target.table = read_table(json, "table");
  target.columns = read_columns(json, "columns");
  if (target.columns.empty()) refuse(json, "columns", "expected the columns to write");
  read_keys(json, target.columns);
  target.batch_rows = read_count(json, "batch_rows", target.batch_rows, 100'000);
  read_own_connection(json, target);
  return target;
}

ApiTarget read_api_target(const Json& json) {
  ApiTarget target(read_endpoint(json));
  target.method = json.string_or("method", target.method);
  if (target.method != "POST" && target.method != "PUT") refuse(json, "method", "expected POST or PUT");
  target.fields = read_columns(json, "fields");
  target.batch_rows = read_count(json, "batch_rows", target.batch_rows, 100'000);
  target.one_by_one = json.boolean_or("one_by_one", false);
  if (target.one_by_one) target.batch_rows = 1;
  return target;
}

TargetConfig read_target(const Json& json) {
  const std::string kind = json.string("kind");
  if (kind == "database") return read_database(json);
  if (kind == "api") return read_api_target(json);
  refuse(json, "kind", "expected database or api, found '" + kind + "'");
}

/// Calls `take(name, table)` for each table below `key`.
template <class Take>
void for_each_named(const Json& json, const std::string& key, Take take) {
  const auto tables = json.find(key);
  if (!tables) return;
  for (const auto& member : tables->as_object().value().GetObject()) {
    const std::string name(member.name.GetString(), member.name.GetStringLength());
    take(name, tables->object(name));
  }
}

}  // namespace

Config read_config(const sluice::Config& json) {
  Config config;
  for_each_named(json, "sources", [&](const std::string& name, const Json& source) {
    config.sources.emplace(name, read_source(source));
  });
  for_each_named(json, "targets", [&](const std::string& name, const Json& target) {
    config.targets.emplace(name, read_target(target));
  });
  if (config.targets.empty()) {
    throw std::runtime_error(
        "the plugin is not configured: set at least one target, as [plugin.sync.config.targets.database] "
        "with "
        "kind, table, key and columns");
  }
  return config;
}

std::string read_secret(const std::string& file) {
  std::string secret;
  std::getline(std::ifstream(file), secret);
  while (!secret.empty() && std::isspace(static_cast<unsigned char>(secret.back())) != 0) secret.pop_back();
  if (secret.empty()) {
    throw Trouble("secret-file", "the file '" + file + "' can't be read, or its first line is empty");
  }
  return secret;
}

}  // namespace data_sync
