#include "config_reading.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace data_sync {

using sluice::Json;

namespace {

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

/// From a list of names that are fields of the record, or from a table of names and JSON pointers.
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
  if (columns.empty()) refuse(json, key, "expected at least one");
  for (const Column& column : columns) {
    const auto same = [&](const Column& other) { return other.name == column.name; };
    if (column.name.empty() || column.name.find('\0') != std::string::npos ||
        std::count_if(columns.begin(), columns.end(), same) > 1) {
      refuse(json, key, "'" + column.name + "' is invalid, or occurs twice");
    }
  }
  return columns;
}

void read_keys(const Json& json, std::vector<Column>& columns) {
  const auto keys = read_texts(json, "key");
  if (keys.empty()) refuse(json, "key", "expected the columns that identify a row");
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
    refuse(json, "url_file", "url is set too; keep one of them");
  check_file(json, "url_file", target.url_file);
  // libpq's own error could contain a password.
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(target.url.c_str(), nullptr), &PQconninfoFree);
  if (!parsed) refuse(json, "url", "expected the URL of a PostgreSQL database");
  if (json.find("state")) {
    if (!target.own_connection) refuse(json, "state", "it needs url or url_file");
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
    refuse(json, "deleted_column", "it is also among the columns; remove it from one of them");
  }
  if (!column.empty()) target.deleted_column = quoted_identifier(column);
  target.remove_missing = json.boolean_or("remove_missing", false);
  if (!column.empty() && !target.deleted && !target.remove_missing) {
    refuse(json, "deleted_column", "nothing is ever deleted; set deleted or remove_missing");
  }
  if (target.remove_missing && !target.own_connection) {
    refuse(json, "remove_missing", "it needs url or url_file");
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

}  // namespace

TargetConfig read_target(const Json& json) {
  const std::string kind = json.string("kind");
  if (kind == "database") return read_database(json);
  if (kind == "api") return read_api_target(json);
  refuse(json, "kind", "expected database or api, found '" + kind + "'");
}

}  // namespace data_sync
