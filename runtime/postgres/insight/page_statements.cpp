#include "postgres/insight/page_statements.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "postgres/desk/job_rows.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

std::string constant(const std::string& text) {
  return quoted_literal(base::valid_utf8(text));
}

std::string timestamp(const std::string& text) {
  return constant(text) + "::timestamp";
}

std::string path(const std::vector<std::string>& members) {
  return constant(array_text(members)) + "::text[]";
}

/// A pattern for texts that contain `text`.
std::string containing(const std::string& text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return constant(pattern + "%");
}

bool is_newest(const Reading& reading) {
  return reading.order == Order::newest;
}

const char* backwards(const Reading& reading) {
  return is_newest(reading) ? " DESC" : "";
}

/// The part of the query that is looked for among the jobs that are read; cheap conditions first.
std::string match(const JobQuery& query) {
  std::string match = "true";
  if (!query.types.empty()) match += " AND o.type IN (" + constants(query.types) + ")";
  if (query.attempts_from) match += " AND o.attempts >= " + std::to_string(*query.attempts_from);
  if (!query.code.empty()) match += " AND " + sql("last_code") + " = " + constant(query.code);
  if (!query.plugin_version.empty()) {
    match += " AND EXISTS (SELECT FROM sluice.attempt v WHERE v.job_id = o.id AND v.plugin_version = " +
             constant(query.plugin_version) + ")";
  }
  for (const auto& value : query.payload) {
    match += " AND o.payload #>> " + path(value.path) + " = " + constant(value.value);
  }
  if (!query.text.empty()) match += " AND o.payload::text ILIKE " + containing(query.text);
  return match + (match == "true" ? "" : " IS TRUE");
}

/// A bound of the query, and where the last page ended, if that is a bound too.
std::string bound(const std::optional<Time>& time, const char* unbounded, const char* nearer,
                  const std::optional<JobKey>& after) {
  std::string own = time ? utc(*time) : timestamp(unbounded);
  if (!after) return own;
  std::string both = nearer;
  return both.append("(").append(own).append(", ").append(timestamp(after->created_at)).append(")");
}

/// The bounds of "createdAt", both inclusive, as far as the order of an index can use them.
std::string lower_bound(const Reading& reading) {
  return bound(reading.query.created_from, "-infinity", "greatest",
               is_newest(reading) ? std::nullopt : reading.after);
}

std::string upper_bound(const Reading& reading) {
  return bound(reading.query.created_before, "infinity", "least",
               is_newest(reading) ? reading.after : std::nullopt);
}

/// What these bounds leave open: the upper one is exclusive, and jobs created at the same time come in the
/// order of their ids.
std::string rest_of_bounds(const Reading& reading) {
  std::string rest;
  if (reading.query.created_before) rest += " AND o.\"createdAt\" < " + utc(*reading.query.created_before);
  if (!reading.after) return rest;
  rest += is_newest(reading) ? " AND (o.\"createdAt\", o.id) < (" : " AND (o.\"createdAt\", o.id) > (";
  return rest + timestamp(reading.after->created_at) + ", " + constant(reading.after->id) + ")";
}

std::string between_bounds(const Reading& reading) {
  return "o.\"createdAt\" >= " + lower_bound(reading) + " AND o.\"createdAt\" <= " + upper_bound(reading);
}

std::string in_order(const Reading& reading, const char* created = "o.\"createdAt\"") {
  return std::string(created) + backwards(reading) + ", o.id" + backwards(reading);
}

/// Both row comparisons are bounds of a walk along the index on (status, "createdAt"), and the order by
/// status makes it the only index that gives the order.
std::string of_status(const Reading& reading, const std::string& status) {
  const std::string name = constant(status);
  return "(o.status, o.\"createdAt\") >= (" + name + ", " + lower_bound(reading) +
         ") AND (o.status, o.\"createdAt\") <= (" + name + ", " + upper_bound(reading) + ")" +
         rest_of_bounds(reading) + (status == "pending" ? " AND NOT " + sql("is_claimed") : "") +
         " ORDER BY o.status" + backwards(reading) + ", " + in_order(reading);
}

std::string of_any_status(const Reading& reading) {
  return between_bounds(reading) + rest_of_bounds(reading) + " ORDER BY " + in_order(reading);
}

/// Jobs in processing whose rows are still pending. The order uses no index.
std::string of_claims(const Reading& reading) {
  return sql("claimed_rows") + " AND " + between_bounds(reading) + rest_of_bounds(reading) + " ORDER BY " +
         in_order(reading, "o.\"createdAt\" + interval '0'");
}

std::string of_type(const std::string& type) {
  return "o.type >= " + constant(type) + " AND o.type <= " + constant(type) + " ORDER BY o.type";
}

std::string attempts_of_code(const Reading& reading) {
  return "FROM sluice.attempt a WHERE a.code = " + constant(reading.query.code) + " AND a.code <> ''";
}

/// The order makes the index on id the only one that gives it.
std::string of_code(const Reading& reading) {
  return "o.id = ANY (ARRAY (SELECT a.job_id " + attempts_of_code(reading) + ")) ORDER BY o.id";
}

std::vector<std::string> parts(const Reading& reading) {
  if (reading.by_code) return {of_code(reading)};
  std::vector<std::string> parts;
  if (reading.by_type) {
    for (const auto& type : reading.query.types) parts.push_back(of_type(type));
    return parts;
  }
  if (!reading.by_status) return {of_any_status(reading)};
  for (const auto& status : reading.query.statuses) {
    parts.push_back(of_status(reading, status));
    if (status == "processing") parts.push_back(of_claims(reading));
  }
  return parts;
}

/// By type or code, the status and the bounds are not yet part of what is read.
std::string hit(const Reading& reading) {
  if (!reading.by_type && !reading.by_code) return match(reading.query);
  const auto& statuses = reading.query.statuses;
  return match(reading.query) + " AND " + between_bounds(reading) + rest_of_bounds(reading) +
         (statuses.empty() ? "" : " AND " + sql("shown_status") + " IN (" + constants(statuses) + ")");
}

/// The common table expressions looked0, …, horizon and matching.
std::string looked(const TableName& table, const Reading& reading) {
  std::string looked, all, ends;
  const auto each = parts(reading);
  for (std::size_t i = 0; i < each.size(); ++i) {
    const std::string name = "looked" + std::to_string(i);
    looked += name + " AS MATERIALIZED (SELECT o.id, o.type, " + sql("shown_status") +
              R"( AS status, o.attempts, o."createdAt", o."updatedAt", )" + hit(reading) +
              " AS hit\n  FROM " + table.quoted() + " o WHERE " + each[i] + " LIMIT " +
              std::to_string(reading.most + 1) + "),\n";
    all += (i == 0 ? "SELECT * FROM " : " UNION ALL SELECT * FROM ") + name;
    const std::string cut = " WHERE (SELECT count(*) FROM " + name + ") > " + std::to_string(reading.most);
    ends += (i == 0 ? "(" : "\n  UNION ALL (") + ("SELECT \"createdAt\", id FROM " + name) + " o" + cut +
            " ORDER BY o.\"createdAt\"" + (is_newest(reading) ? "" : " DESC") + ", o.id" +
            (is_newest(reading) ? "" : " DESC") + " LIMIT 1)";
  }
  return "WITH " + looked + "horizon AS MATERIALIZED (SELECT o.\"createdAt\", o.id FROM (" + ends +
         ") o ORDER BY " + in_order(reading) + " LIMIT 1),\nmatching AS MATERIALIZED (SELECT o.* FROM (" +
         all +
         ") o LEFT JOIN horizon h ON true\n  WHERE o.hit AND (h.id IS NULL OR (o.\"createdAt\", o.id) " +
         (is_newest(reading) ? ">=" : "<=") + " (h.\"createdAt\", h.id)))";
}

/// A pending job that a claim names is in processing. Claims are looked up only where that matters.
std::string any_of_statuses(const std::vector<std::string>& statuses) {
  const auto has = [&](const char* status) {
    return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
  };
  if (statuses.empty()) return {};
  if (has("pending") == has("processing")) return " AND o.status IN (" + constants(statuses) + ")";
  if (has("pending"))
    return " AND o.status IN (" + constants(statuses) + ") AND NOT (o.status = 'pending' AND " +
           sql("is_claimed") + ")";
  return " AND (o.status IN (" + constants(statuses) + ") OR " + sql("claimed_rows") + ")";
}

std::string horizon_columns() {
  return "h.\"createdAt\"::text, h.id, " + moment("h.\"createdAt\"");
}

}  // namespace

std::string exact_statement(const TableName& table, const JobQuery& query) {
  const Reading reading{query, Order::newest, {}};
  return "SELECT count(*) FROM " + table.quoted() + " o WHERE " + between_bounds(reading) +
         rest_of_bounds(reading) + " AND " + match(query) + any_of_statuses(query.statuses);
}

std::string most_of_types_statement(const TableName& table, const Reading& reading) {
  std::string counts;
  for (const auto& type : reading.query.types) {
    counts += (counts.empty() ? "" : ", ") + ("(SELECT count(*) FROM (SELECT FROM " + table.quoted()) +
              " o WHERE " + of_type(type) + " LIMIT " + std::to_string(reading.most + 1) + ") o)";
  }
  return "SELECT greatest(" + counts + ")";
}

std::string most_of_code_statement(const Reading& reading) {
  return "SELECT count(*) FROM (SELECT " + attempts_of_code(reading) + " LIMIT " +
         std::to_string(reading.most + 1) + ") a";
}

bool skips(const JobQuery& query) {
  return match(query) != "true";
}

std::string page_statement(const TableName& table, const Reading& reading, std::size_t limit,
                           const std::vector<std::vector<std::string>>& columns) {
  std::string values;
  for (const auto& column : columns) {
    values += ", left((p.payload #> " + path(column) + ")::text, " + std::to_string(longest_column) + ")";
  }
  return looked(table, reading) + ",\nlisted AS MATERIALIZED (SELECT o.* FROM matching o ORDER BY " +
         in_order(reading) + " LIMIT " + std::to_string(limit) + ")\nSELECT " + summary_columns() +
         ", o.\"createdAt\"::text, " + horizon_columns() + values +
         "\nFROM (SELECT 1) one LEFT JOIN horizon h ON true LEFT JOIN listed o ON true\n" +
         sql("summary_joins") +
         (columns.empty() ? "" : "\nLEFT JOIN " + table.quoted() + " p ON p.id = o.id") + "\nORDER BY " +
         in_order(reading);
}

std::string matches_statement(const TableName& table, const Reading& reading) {
  return looked(table, reading) + "\nSELECT (SELECT count(*) FROM matching), " + horizon_columns() +
         "\nFROM (SELECT 1) one LEFT JOIN horizon h ON true";
}

}  // namespace sluice::postgres
