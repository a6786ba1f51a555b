#include "upsert.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "json.hpp"

namespace data_sync {

namespace {

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

std::string literal(const std::string& text) {
  std::string out = "E'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

/// `write` applied to each column for which `wanted` is true, separated by `between`.
template <class Wanted, class Write>
std::string listed(const std::vector<Column>& columns, const std::string& between, Wanted wanted,
                   Write write) {
  std::string text;
  for (const Column& column : columns) {
    if (!wanted(column)) continue;
    if (!text.empty()) text += between;
    text += write(column);
  }
  return text;
}

bool key(const Column& column) {
  return column.key;
}
bool no_key(const Column& column) {
  return !column.key;
}
std::string name(const Column& column) {
  return quoted(column.name);
}
std::string of_incoming(const Column& column) {
  return "incoming." + quoted(column.name);
}

/// The condition that a row has a value for the column.
std::string given(const Column& column) {
  return "incoming.\"the row\" ? " + literal(column.name);
}

bool is_deleted(const rapidjson::Value& record, const DatabaseTarget& target) {
  if (!target.deleted) return false;
  const rapidjson::Value* const said = target.deleted->Get(record);
  if (said == nullptr || said->IsNull() || said->IsFalse()) return false;
  const std::string text = plain(*said);
  return !text.empty() && text != "0";
}

}  // namespace

Sql::Sql(const DatabaseTarget& target, ColumnTypes types) : target_(target), types_(std::move(types)) {}

std::string Sql::record(bool keys_only) const {
  if (types_.empty()) {
    return "jsonb_populate_record(NULL::" + target_.table + ", element.value) AS record";
  }
  const auto wanted = [&](const Column& column) { return column.key || !keys_only; };
  const auto typed = [&](const Column& column) {
    const auto found =
        types_.find(column.name);  // if the column does not exist, the statement that writes it fails
    return quoted(column.name) + " " + (found == types_.end() ? std::string("text") : found->second);
  };
  return "jsonb_to_record(element.value) AS record(" + listed(target_.records.columns, ", ", wanted, typed) +
         ")";
}

std::string Sql::incoming(bool keys_only) const {
  const auto& columns = target_.records.columns;
  const auto of_record = [](const Column& column) { return "record." + quoted(column.name); };
  const auto wanted = [&](const Column& column) { return column.key || !keys_only; };
  const std::string keys = listed(columns, ", ", key, of_record);
  return "incoming AS MATERIALIZED (SELECT DISTINCT ON (" + keys + ") element.value AS \"the row\", " +
         listed(columns, ", ", wanted, of_record) +
         " FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS element(value, position), LATERAL " +
         record(keys_only) + " ORDER BY " + keys + ", element.position DESC)";
}

std::string Sql::same_key(const std::string& a, const std::string& b) const {
  return listed(target_.records.columns, " AND ", key, [&](const Column& column) {
    return a + "." + quoted(column.name) + " = " + b + "." + quoted(column.name);
  });
}

// Compares as text, because some types, such as json, have no equality operator.
std::string Sql::differs() const {
  const bool always = target_.records.absent != Absent::keep;
  std::string text = listed(target_.records.columns, " OR ", no_key, [&](const Column& column) {
    const std::string other = "existing." + quoted(column.name) + "::text IS DISTINCT FROM incoming." +
                              quoted(column.name) + "::text";
    return always ? other : "(" + given(column) + " AND " + other + ")";
  });
  if (!target_.deleted_column.empty()) {
    text += (text.empty() ? "" : " OR ") + ("existing." + target_.deleted_column) + " IS NOT NULL";
  }
  return text;
}

std::string Sql::update() const {
  const bool always = target_.records.absent != Absent::keep;
  std::string set = listed(target_.records.columns, ", ", no_key, [&](const Column& column) {
    const std::string field = quoted(column.name);
    if (always) return field + " = incoming." + field;
    return field + " = CASE WHEN " + given(column) + " THEN incoming." + field + " ELSE existing." + field +
           " END";
  });
  if (!target_.deleted_column.empty()) set += (set.empty() ? "" : ", ") + target_.deleted_column + " = NULL";
  if (set.empty()) return {};
  return ", changed AS MATERIALIZED (SELECT incoming.* FROM incoming JOIN " + target_.table +
         " AS existing ON " + same_key("existing", "incoming") + " WHERE " + differs() + " ORDER BY " +
         listed(target_.records.columns, ", ", key, of_incoming) +
         " FOR NO KEY UPDATE OF existing), updated AS (UPDATE " + target_.table + " AS existing SET " + set +
         " FROM changed AS incoming WHERE " + same_key("existing", "incoming") + " RETURNING 1)";
}

std::string Sql::insert(const Shape& shape) const {
  const auto& columns = target_.records.columns;
  const auto has = [&](const Column& column) {
    return shape[static_cast<std::size_t>(&column - columns.data())];
  };
  const auto fresh = [&](const Column& column) { return has(column) && !column.key; };
  std::string fits;
  for (const Column& column : columns) {
    if (column.key || target_.records.absent != Absent::keep) continue;
    fits += std::string(" AND ") + (has(column) ? "" : "NOT ") + "(" + given(column) + ")";
  }
  const std::string set = listed(columns, ", ", fresh, [](const Column& column) {
    return quoted(column.name) + " = EXCLUDED." + quoted(column.name);
  });
  return "INSERT INTO " + target_.table + " (" + listed(columns, ", ", has, name) +
         ") OVERRIDING SYSTEM VALUE SELECT " + listed(columns, ", ", has, of_incoming) +
         " FROM incoming WHERE NOT EXISTS (SELECT FROM " + target_.table + " AS existing WHERE " +
         same_key("existing", "incoming") + ")" + fits + " ORDER BY " +
         listed(columns, ", ", key, of_incoming) + " ON CONFLICT (" + listed(columns, ", ", key, name) +
         ") DO " + (set.empty() ? "NOTHING" : "UPDATE SET " + set) + " RETURNING 1";
}

std::string Sql::upsert(const std::vector<Shape>& shapes) const {
  const std::string updating = update();
  std::string sql = "WITH " + incoming(false) + updating;
  std::string inserted = "0";
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const std::string part = "inserted" + std::to_string(i);
    sql += ", " + part + " AS (" + insert(shapes[i]) + ")";
    inserted += " + (SELECT count(*) FROM " + part + ")";
  }
  return sql + " SELECT " + inserted + ", " + (updating.empty() ? "0" : "(SELECT count(*) FROM updated)");
}

/// The condition that a row is not marked as deleted.
std::string Sql::alive() const {
  return target_.deleted_column.empty() ? std::string("true")
                                        : "existing." + target_.deleted_column + " IS NULL";
}

std::string Sql::remove_where(const std::string& condition) const {
  const std::string where = " WHERE " + alive() + " AND " + condition + " RETURNING 1";
  if (target_.deleted_column.empty()) return "DELETE FROM " + target_.table + " AS existing" + where;
  return "UPDATE " + target_.table + " AS existing SET " + target_.deleted_column + " = now()" + where;
}

std::string Sql::removal() const {
  return "WITH " + incoming(true) + ", removed AS (" +
         remove_where("EXISTS (SELECT FROM incoming WHERE " + same_key("existing", "incoming") + ")") +
         ") SELECT count(*) FROM removed";
}

// Two separate counts, because in a single pass each row would be compared with all keys.
std::string Sql::missing_count() const {
  const std::string rows = "(SELECT count(*) FROM " + target_.table + " AS existing WHERE " + alive();
  return "WITH " + incoming(true) + " SELECT " + rows + " AND NOT EXISTS (SELECT FROM incoming WHERE " +
         same_key("existing", "incoming") + ")), " + rows + ")";
}

std::string Sql::missing_removal() const {
  return "WITH " + incoming(true) + ", removed AS (" +
         remove_where("NOT EXISTS (SELECT FROM incoming WHERE " + same_key("existing", "incoming") + ")") +
         ") SELECT count(*) FROM removed";
}

std::string Sql::probe(const Column& column) const {
  Records one;
  one.columns.push_back(column);
  DatabaseTarget target = target_;
  target.records = one;
  return "SELECT record." + quoted(column.name) +
         " FROM jsonb_array_elements($1::jsonb) AS element(value), LATERAL " +
         Sql(target, types_).record(false);
}

Row database_row(const rapidjson::Value& record, const DatabaseTarget& target) {
  const bool deleted = is_deleted(record, target);
  Row row = row_of(record, target.records, deleted);
  row.deleted = deleted;
  for (const Column& column : target.records.columns) {
    const rapidjson::Value* value = column.pointer.Get(record);
    if (value == nullptr || !holds_nul(*value)) continue;
    throw BadRecord("nul-character",
                    "'" + column.name + "' has a NUL character, which PostgreSQL can't store", column.name);
  }
  return row;
}

std::vector<Batch> batches_of(const std::vector<Row>& rows, std::size_t batch_rows) {
  constexpr std::size_t most_shapes = 16;  // because each makes the statement longer
  std::unordered_map<std::string, const Row*> last;
  for (const Row& row : rows) last[row.key] = &row;
  std::vector<Batch> batches;
  std::map<bool, std::size_t> open;  // the current batch of rows to write, and of rows to delete
  for (const Row& row : rows) {
    if (last[row.key] != &row) continue;
    auto found = open.find(row.deleted);
    const auto known = [&](const Batch& batch) {
      return std::find(batch.shapes.begin(), batch.shapes.end(), row.shape) != batch.shapes.end();
    };
    const bool fits = found != open.end() && batches[found->second].rows.size() < batch_rows &&
                      (known(batches[found->second]) || batches[found->second].shapes.size() < most_shapes);
    if (!fits) {
      open[row.deleted] = batches.size();
      batches.push_back({row.deleted, {}, {}});
    }
    Batch& batch = batches[open[row.deleted]];
    if (!known(batch)) batch.shapes.push_back(row.shape);
    batch.rows.push_back(&row);
  }
  return batches;
}

}  // namespace data_sync
