#include "config.hpp"

#include <libpq-fe.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <map>
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

Url read_url(const Json& json, const std::string& key) {
  try {
    return Url(json.string(key));
  } catch (const std::invalid_argument& error) {
    refuse(json, key, error.what());
  }
}

OAuth read_oauth(const Json& json, const Endpoint& endpoint) {
  OAuth oauth(read_url(json, "token_url"));
  oauth.client_id = json.string("client_id");
  oauth.client_secret_file = json.string("client_secret_file");
  check_file(json, "client_secret_file", oauth.client_secret_file);
  oauth.scope = json.string_or("scope", "");
  oauth.audience = json.string_or("audience", "");
  const std::string style = json.string_or("credentials", "basic");
  if (style != "basic" && style != "body")
    refuse(json, "credentials", "expected basic or body, found '" + style + "'");
  oauth.in_body = style == "body";
  if (!oauth.token_url.is_https() && !endpoint.allow_private) {
    refuse(json, "token_url", "the secret would go over the network unencrypted; use https");
  }
  if (!endpoint.token_file.empty()) refuse(json, "token_url", "there is a token_file too; keep one");
  return oauth;
}

Endpoint read_endpoint(const Json& json) {
  Endpoint endpoint(read_url(json, "url"));
  read_headers(json, endpoint);
  endpoint.token_file = json.string_or("token_file", "");
  check_file(json, "token_file", endpoint.token_file);
  endpoint.token_header = json.string_or("token_header", endpoint.token_header);
  if (!is_header_name(endpoint.token_header)) refuse(json, "token_header", "this is no name of a header");
  endpoint.allow_hosts = read_texts(json, "allow_hosts");
  endpoint.allow_private = json.boolean_or("allow_private", endpoint.allow_private);
  // Within a private network the operator may know better.
  if (json.find("oauth")) endpoint.oauth.emplace(read_oauth(json.object("oauth"), endpoint));
  const bool has_token = !endpoint.token_file.empty() || endpoint.oauth;
  if (has_token && !endpoint.url.is_https() && !endpoint.allow_private) {
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
  static const std::map<std::string, Paging> names = {
      {"none", Paging::none}, {"link", Paging::link},   {"field", Paging::field},  {"page", Paging::page},
      {"last", Paging::last}, {"token", Paging::token}, {"offset", Paging::offset}};
  if (const auto found = names.find(text); found != names.end()) return found->second;
  refuse(json, "paging", "expected none, link, field, page, offset, token or last, found '" + text + "'");
}

std::optional<rapidjson::Pointer> read_optional_pointer(const Json& json, const std::string& key) {
  if (!json.find(key)) return std::nullopt;
  return read_pointer(json, key, json.string(key));
}

/// The name of a parameter of the query, or a JSON pointer into the body.
std::string read_parameter(const Json& json, const std::string& key, const std::string& text,
                           const ApiSource& source) {
  if (text.empty() || text.front() != '/') return text;
  if (source.body.empty())
    refuse(json, key, "'" + text + "' points into the body, and there is none; set body");
  read_pointer(json, key, text);
  return text;
}

void read_next(const Json& json, ApiSource& source) {
  source.next_header = json.string_or("next_header", "");
  std::transform(source.next_header.begin(), source.next_header.end(), source.next_header.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool by_header = source.paging == Paging::token && !source.next_header.empty();
  if (by_header && json.find("next")) refuse(json, "next_header", "there is a next too; keep one");
  if (!source.next_header.empty() && !by_header) refuse(json, "next_header", "it goes with paging token");
  if (source.paging == Paging::field || (source.paging == Paging::token && !by_header)) {
    source.next = read_pointer(json, "next", json.string("next"));
  }
  if (source.paging == Paging::last) source.last = read_pointer(json, "last", json.string("last"));
}

void read_pages(const Json& json, ApiSource& source) {
  source.paging = read_paging(json);
  read_next(json, source);
  const bool named = source.paging == Paging::token || source.paging == Paging::last;
  const std::string usual = source.paging == Paging::page ? "page" : "offset";
  source.page_parameter =
      read_parameter(json, "page_parameter",
                     named ? json.string("page_parameter") : json.string_or("page_parameter", usual), source);
  source.first_page = json.integer_or("first_page", source.first_page);
  if (json.find("page_size")) source.page_size = read_count(json, "page_size", 1, 1'000'000);
  source.more = read_optional_pointer(json, "more");
  source.total = read_optional_pointer(json, "total");
  if (json.find("max_pages")) source.max_pages = read_count(json, "max_pages", 1, 1'000'000'000);
  source.max_time = read_timeout(json, "max_time", source.max_time);
}

std::string read_body(const Json& json) {
  const auto body = json.find("body");
  if (!body) return {};
  const rapidjson::Value& value = body->as_object().value();
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

ApiSource read_source(const Json& json) {
  if (json.string("kind") != "api") refuse(json, "kind", "a source is an api");
  ApiSource source(read_endpoint(json));
  source.body = read_body(json);
  source.records = read_pointer(json, "records", json.string_or("records", ""));
  read_pages(json, source);
  if (json.find("cursor")) {
    source.cursor = read_pointer(json, "cursor", json.string("cursor"));
    source.cursor_parameter =
        read_parameter(json, "cursor_parameter", json.string("cursor_parameter"), source);
  }
  source.etag = json.boolean_or("etag", false);
  if (source.etag && (source.cursor || source.paging != Paging::none || !source.body.empty())) {
    refuse(json, "etag",
           "an ETag speaks for one response to a GET: leave out paging, cursor and body, or etag");
  }
  source.parameters = read_texts(json, "parameters");
  for (const std::string& name : source.parameters) read_parameter(json, "parameters", name, source);
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

bool is_second(const Json& json, const std::string& key, const std::string& first,
               const std::string& second) {
  const std::string text = json.string_or(key, first);
  if (text != first && text != second) {
    refuse(json, key, "expected " + first + " or " + second + ", found '" + text + "'");
  }
  return text == second;
}

Records read_records(const Json& json, const std::string& columns) {
  Records records;
  records.columns = read_columns(json, columns);
  const std::string absent = json.string_or("absent", "keep");
  if (absent == "null") {
    records.absent = Absent::null;
  } else if (absent == "fail") {
    records.absent = Absent::fail;
  } else if (absent != "keep") {
    refuse(json, "absent", "expected keep, null or fail, found '" + absent + "'");
  }
  records.skip_bad = is_second(json, "on_bad_record", "fail", "skip");
  records.fail_unmapped = is_second(json, "on_unmapped", "warn", "fail");
  return records;
}

void read_deletions(const Json& json, DatabaseTarget& target) {
  target.deleted = read_optional_pointer(json, "deleted");
  const std::string column = json.string_or("deleted_column", "");
  const auto same = [&](const Column& any) { return any.name == column; };
  if (std::any_of(target.records.columns.begin(), target.records.columns.end(), same)) {
    refuse(json, "deleted_column", "it is among the columns too; keep one");
  }
  if (!column.empty()) target.deleted_column = quoted_identifier(column);
  target.remove_missing = json.boolean_or("remove_missing", false);
  if (!column.empty() && !target.deleted && !target.remove_missing) {
    refuse(json, "deleted_column", "nothing is ever deleted; set deleted, or remove_missing");
  }
  if (target.remove_missing && !target.own_connection) {
    refuse(json, "remove_missing", "only a target with url or url_file can look for what is missing");
  }
  target.max_removed_share = json.number_or("max_removed_share", target.max_removed_share);
  if (!(target.max_removed_share > 0 && target.max_removed_share <= 1)) {
    refuse(json, "max_removed_share", "expected a number above 0 and up to 1");
  }
}

DatabaseTarget read_database(const Json& json) {
  DatabaseTarget target;
  target.table = read_table(json, "table");
  target.records = read_records(json, "columns");
  if (target.records.columns.empty()) refuse(json, "columns", "expected the columns to write");
  read_keys(json, target.records.columns);
  target.batch_rows = read_count(json, "batch_rows", target.batch_rows, 100'000);
  read_own_connection(json, target);
  read_deletions(json, target);
  return target;
}

ApiTarget read_api_target(const Json& json) {
  ApiTarget target(read_endpoint(json));
  target.method = json.string_or("method", target.method);
  if (target.method != "POST" && target.method != "PUT") refuse(json, "method", "expected POST or PUT");
  target.records = read_records(json, "fields");
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
