#include "postgres/desk/job_statements.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "postgres/desk/job_rows.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

// What ages are counted from, in UTC without a time zone, as "createdAt". All batches of a walk count from
// when it began: what it may meet must not grow while it goes on.
constexpr const char* from_now = "(now() AT TIME ZONE 'UTC')";
constexpr const char* from_begin = "$2::timestamp";

std::string created(const char* comparison, const std::string& time) {
  return std::string(" AND o.\"createdAt\" ") + comparison + " " + time;
}

std::string before(const std::string& clock, job::Microseconds ago) {
  return clock + " - make_interval(secs => " + std::to_string(bounded_microseconds(ago)) + " / 1e6)";
}

/// The whole filter except the status.
std::string restrictions(const JobFilter& filter, const std::string& clock = from_now) {
  std::string rest;
  if (!filter.types.empty()) rest += " AND o.type IN (" + constants(filter.types) + ")";
  if (filter.since) rest += created(">=", before(clock, *filter.since));
  if (filter.older_than) rest += created("<", before(clock, *filter.older_than));
  if (filter.created_from) rest += created(">=", utc(*filter.created_from));
  if (filter.created_before) rest += created("<", utc(*filter.created_before));
  if (filter.attempts_below) rest += " AND o.attempts < " + std::to_string(*filter.attempts_below);
  if (!filter.code.empty() || filter.alike)
    rest += " AND " + sql("last_code") + " = " + quoted_literal(base::valid_utf8(filter.code));
  if (filter.stuck) rest += " AND " + sql("is_stuck");
  if (filter.unscheduled) {
    rest += " AND NOT EXISTS (SELECT FROM sluice.schedule s WHERE s.job_id = o.id AND s.status = o.status)";
  }
  return rest;
}

std::vector<std::string> statuses_of(const JobFilter& filter) {
  return filter.stuck ? std::vector<std::string>{"processing"} : filter.statuses;
}

/// Rows that are shown with one of these statuses. The statuses in the table narrow them down first.
std::string has_status(const std::vector<std::string>& statuses) {
  std::vector<std::string> stored = statuses;
  if (std::find(stored.begin(), stored.end(), "processing") != stored.end()) stored.emplace_back("pending");
  return "o.status IN (" + constants(stored) + ") AND " + sql("shown_status") + " IN (" +
         constants(statuses) + ")";
}

/// The newest rows of one status, or of all. If the plan is pinned, the row comparison, and the order by
/// status, which is the same for all rows, make the index on (status, "createdAt") the only one that gives
/// the order.
std::string newest_of(const std::optional<std::string>& status, const std::string& rest, bool pinned) {
  std::string condition = "true";
  std::string order = "o.\"createdAt\" DESC";
  if (status) {
    const std::string literal = quoted_literal(base::valid_utf8(*status));
    condition = "o.status = " + literal;
    if (pinned) {
      condition = "(o.status, o.\"createdAt\") <= (" + literal +
                  ", 'infinity'::timestamp) AND o.status >= " + literal;
      order = "o.status DESC, o.\"createdAt\" DESC";
    }
  }
  if (status == "pending") condition += " AND NOT " + sql("is_claimed");
  return condition + rest + " ORDER BY " + order;
}

/// Jobs in processing whose rows are still pending.
std::string newest_claimed(const std::string& rest) {
  return sql("claimed_rows") + rest + " ORDER BY o.\"createdAt\" + interval '0' DESC";  // uses no index
}

std::string newest(const TableName& table, const JobFilter& filter, const std::string& limit) {
  const std::string rest = restrictions(filter);
  const auto select = [&](const std::string& rows) {
    return "(SELECT o.id, o.type, " + sql("shown_status") +
           " AS status, o.attempts, o.\"createdAt\", o.\"updatedAt\" FROM " + table.quoted() + " o WHERE " +
           rows + limit + ")";
  };
  const auto statuses = statuses_of(filter);
  const bool pinned = !list_skips(filter);
  if (statuses.empty()) return select(newest_of(std::nullopt, rest, pinned));
  std::string all;
  for (const auto& status : statuses) {
    all += (all.empty() ? "" : "\n  UNION ALL ") + select(newest_of(status, rest, pinned));
    if (status == "processing" && !filter.stuck) all += "\n  UNION ALL " + select(newest_claimed(rest));
  }
  return all;
}

struct Change {
  const char* lock;
  const char* statement;
  const char* forgotten;
  bool planned = false;  ///< only jobs that are to be tried again
};

Change change_of(BatchChange change) {
  switch (change) {
    case BatchChange::remove:
      return {"UPDATE", "remove_picked", "forget_all"};
    case BatchChange::give_up:
      return {"NO KEY UPDATE", "give_up_picked", "note_and_forget_plans", true};
    case BatchChange::retry:
      break;
  }
  return {"NO KEY UPDATE", "retry_picked", "forget_plans"};
}

/// `chooses`: the caller changes some of the rows, so that the walk goes on behind the last one, whose place
/// is $3. Rows with the same "createdAt" come in the order of their places, as an index keeps them. Otherwise
/// those that were read do not match any more, and the walk begins with the same "createdAt".
std::string next_rows(const TableName& table, const JobFilter& filter, const Change& change,
                      std::size_t limit, bool chooses) {
  std::string rest = restrictions(filter, from_begin);
  if (change.planned)
    rest += " AND EXISTS (SELECT FROM sluice.schedule s WHERE s.job_id = o.id AND s.status = o.status)";
  if (chooses) rest += " AND (o.\"createdAt\" > $1::timestamp OR o.ctid > $3::tid)";
  return sql("next_rows", table,
             {{"lock", change.lock},
              {"limit", std::to_string(limit)},
              {"status", quoted_literal(filter.statuses.at(0))},
              {"rest", rest}});
}

/// Reads `most` rows of each part. If a part has more, rows older than its `horizon` are left out, because
/// the list may have gaps there.
std::string within_statement(const TableName& table, const std::vector<std::string>& parts,
                             const std::string& horizon, const std::string& rest, std::size_t limit,
                             std::size_t most) {
  std::string looked, all, horizons;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = "looked" + std::to_string(i);
    looked += name + " AS MATERIALIZED (SELECT o.id, o.type, " + sql("shown_status") +
              R"( AS status, o.attempts, o."createdAt", o."updatedAt"
  FROM )" + table.quoted() +
              " o WHERE " + parts[i] + " LIMIT " + std::to_string(most + 1) + "),\n";
    all += (i == 0 ? "SELECT * FROM " : " UNION ALL SELECT * FROM ") + name;
    horizons += (i == 0 ? "SELECT " : " UNION ALL SELECT ") +
                ("CASE WHEN count(*) > " + std::to_string(most)) + " THEN " + horizon + " END AS at FROM " +
                name;
  }
  return "WITH " + looked + "horizon AS MATERIALIZED (SELECT max(at) AS at FROM (" + horizons +
         R"() h),
listed AS MATERIALIZED (
  SELECT o.* FROM ()" +
         all + R"() o, horizon WHERE (horizon.at IS NULL OR o."createdAt" >= horizon.at))" + rest +
         "\n  ORDER BY o.\"createdAt\" DESC LIMIT " + std::to_string(limit) + ")\nSELECT " +
         summary_columns() + ", " + moment("horizon.at") + "\nFROM horizon LEFT JOIN listed o ON true\n" +
         sql("summary_joins") + "\nORDER BY o.\"createdAt\" DESC";
}

}  // namespace

bool list_skips(const JobFilter& filter) {
  return !filter.types.empty() || filter.stuck || filter.attempts_below || filter.unscheduled;
}

std::string list_statement(const TableName& table, const JobFilter& filter, std::size_t limit) {
  const std::string most = " LIMIT " + std::to_string(limit);
  return "WITH listed AS MATERIALIZED (\n  SELECT * FROM (" + newest(table, filter, most) +
         ") AS o\n  ORDER BY \"createdAt\" DESC" + most + ")\nSELECT " + summary_columns() +
         "\nFROM listed o\n" + sql("summary_joins") + "\nORDER BY o.\"createdAt\" DESC";
}

/// Only the age restricts the walk; the rest of the filter is applied afterwards.
std::string newest_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                    std::size_t most) {
  JobFilter age;
  age.since = filter.since;
  age.older_than = filter.older_than;
  age.created_from = filter.created_from;
  age.created_before = filter.created_before;
  std::vector<std::string> parts;
  const auto add = [&](const std::optional<std::string>& status) {
    parts.push_back(newest_of(status, restrictions(age), true));
    if (status == "processing" && !filter.stuck) parts.push_back(newest_claimed(restrictions(age)));
  };
  const auto statuses = statuses_of(filter);
  if (statuses.empty()) add(std::nullopt);
  for (const auto& status : statuses) add(status);
  return within_statement(table, parts, "min(\"createdAt\")", restrictions(filter), limit, most);
}

std::string types_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                   std::size_t most) {
  std::vector<std::string> parts;
  for (const auto& type : filter.types) {
    const std::string literal = quoted_literal(base::valid_utf8(type));
    parts.push_back("o.type >= " + literal + " AND o.type <= " + literal + " ORDER BY o.type");
  }
  const auto statuses = statuses_of(filter);
  // Of the rows that were read, those with the wanted shown status.
  const std::string status = statuses.empty() ? "" : " AND o.status IN (" + constants(statuses) + ")";
  return within_statement(table, parts, "'infinity'::timestamp", status + restrictions(filter), limit, most);
}

std::string show_statement(const TableName& table) {
  return sql("show", table, {{"columns", summary_columns()}});
}

std::string attempts_statement() {
  return sql("attempts", {{"at", moment("(at AT TIME ZONE 'UTC')")}});
}

std::string trace_statement(const TableName& table, bool near) {
  return sql(
      "trace", table,
      {{"ended_at", moment("(u.ended_at AT TIME ZONE 'UTC')")}, {"near", near ? sql("trace_near") : ""}});
}

std::string count_statement(const TableName& table, const JobFilter& filter) {
  const auto statuses = statuses_of(filter);
  return "SELECT count(*) FROM " + table.quoted() + " o WHERE " +
         (statuses.empty() ? "true" : has_status(statuses)) + restrictions(filter);
}

std::string batch_statement(const TableName& table, const JobFilter& filter, BatchChange change,
                            std::size_t limit) {
  const Change parts = change_of(change);
  return sql("change_batch", table,
             {{"next_rows", next_rows(table, filter, parts, limit, false)},
              {"change", sql(parts.statement, table)},
              {"forgotten", sql(parts.forgotten)}});
}

std::string read_batch_statement(const TableName& table, const JobFilter& filter, BatchChange change,
                                 std::size_t limit) {
  return sql("read_batch", {{"next_rows", next_rows(table, filter, change_of(change), limit, true)}});
}

std::string change_read_statement(const TableName& table, BatchChange change) {
  const Change parts = change_of(change);
  return sql("change_read", table,
             {{"change", sql(parts.statement, table)}, {"forgotten", sql(parts.forgotten)}});
}

}  // namespace sluice::postgres
