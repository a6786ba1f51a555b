#include "upsert.hpp"

#include <sluice/result.hpp>

#include "json.hpp"
#include "rows.hpp"

namespace data_sync {

namespace {

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

/// `before` and the quoted name of each column that `wanted` says yes to, with `between` between them.
template <class Wanted, class Write>
std::string listed(const DatabaseTarget& target, const std::string& between, Wanted wanted, Write write) {
  std::string text;
  for (const Column& column : target.columns) {
    if (!wanted(column)) continue;
    if (!text.empty()) text += between;
    text += write(quoted(column.name));
  }
  return text;
}

bool any(const Column&) {
  return true;
}
bool key(const Column& column) {
  return column.key;
}
bool no_key(const Column& column) {
  return !column.key;
}

}  // namespace

std::string upsert(const DatabaseTarget& target) {
  const auto name = [](const std::string& column) { return column; };
  const auto incoming = [](const std::string& column) { return "incoming." + column; };
  const auto set = [](const std::string& column) { return column + " = EXCLUDED." + column; };
  // As text, since not each type has an equality, json for one.
  const auto differs = [](const std::string& column) {
    return "existing." + column + "::text IS DISTINCT FROM EXCLUDED." + column + "::text";
  };
  const std::string keys = listed(target, ", ", key, incoming);
  const std::string changes = listed(target, ", ", no_key, set);
  std::string sql = "INSERT INTO " + target.table + " AS existing (" + listed(target, ", ", any, name) +
                    ") SELECT DISTINCT ON (" + keys + ") " + listed(target, ", ", any, incoming) +
                    " FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS element(value, position)," +
                    " LATERAL jsonb_populate_record(NULL::" + target.table + ", element.value) AS incoming" +
                    " ORDER BY " + keys + ", element.position DESC ON CONFLICT (" +
                    listed(target, ", ", key, name) + ") DO ";
  if (changes.empty()) return sql + "NOTHING";
  return sql + "UPDATE SET " + changes + " WHERE " + listed(target, " OR ", no_key, differs);
}

// What the outer query sees is the table as it was before the statement. A row's xmax would say the same more
// cheaply, but not of a partitioned table.
std::string counted_upsert(const DatabaseTarget& target) {
  const auto existing = [](const std::string& column) { return "existing." + column; };
  const auto same = [](const std::string& column) { return "before." + column + " = written." + column; };
  return "WITH written AS (" + upsert(target) + " RETURNING " + listed(target, ", ", key, existing) +
         "), counted AS (SELECT EXISTS (SELECT FROM " + target.table + " AS before WHERE " +
         listed(target, " AND ", key, same) +
         ") AS was_there FROM written) SELECT count(*) FILTER (WHERE NOT was_there), "
         "count(*) FILTER (WHERE was_there) FROM counted";
}

std::string database_row(const rapidjson::Value& record, const DatabaseTarget& target,
                         const std::string& place) {
  for (const Column& column : target.columns) {
    const rapidjson::Value* value = column.pointer.Get(record);
    if (value != nullptr && holds_nul(*value)) {
      throw sluice::PermanentError(
          "nul-character", place + ": '" + column.name + "' holds a NUL character, which PostgreSQL can't");
    }
  }
  return row_of(record, target.columns, place);
}

}  // namespace data_sync
