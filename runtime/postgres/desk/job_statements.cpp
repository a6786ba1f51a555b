#include "postgres/desk/job_statements.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "postgres/care/alive.hpp"
#include "postgres/claiming/receipts.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

using Filling = std::pair<std::string_view, std::string>;

std::string filled(std::string sql, const std::vector<Filling>& fillings) {
  for (const auto& [mark, value] : fillings) {
    for (std::size_t at = sql.find(mark); at != std::string::npos; at = sql.find(mark, at + value.size())) {
      sql.replace(at, mark.size(), value);
    }
  }
  return sql;
}

constexpr std::string_view utc_now = "(clock_timestamp() AT TIME ZONE 'UTC')";

// "createdAt" is UTC without a time zone.
std::string created(const char* comparison, job::Microseconds ago) {
  return std::string(" AND o.\"createdAt\" ") + comparison +
         " (now() AT TIME ZONE 'UTC') - make_interval(secs => " + std::to_string(bounded_microseconds(ago)) +
         " / 1e6)";
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string list;
  for (const auto& text : texts) {
    list += (list.empty() ? "" : ", ") + quoted_literal(base::valid_utf8(text));
  }
  return list;
}

std::string live_ids() {
  return "(SELECT unnest(c.ids) FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime WHERE " +
         is_alive("r") + ")";
}

constexpr std::string_view ten_minutes_ago = "(now() AT TIME ZONE 'UTC') - interval '10 min'";

// In processing, and no claim names it.
std::string is_unclaimed() {
  return "o.status = 'processing' AND o.id NOT IN (SELECT unnest(c.ids) FROM sluice.claim c)";
}

// A row that no live runtime has, though it is in processing: a claim names it, then its runtime is lost, or
// none does, and for so long that nobody else's drainer can be at work on it either.
std::string is_stuck() {
  return "(o.status = 'processing' AND o.id NOT IN " + live_ids() + " AND (o.\"updatedAt\" < " +
         std::string(ten_minutes_ago) + " OR o.id IN (SELECT unnest(c.ids) FROM sluice.claim c)))";
}

// The same without those that a claim names: these are left to rescue, which fences their runtime first.
std::string is_abandoned() {
  return "(" + is_unclaimed() + " AND o.\"updatedAt\" < " + std::string(ten_minutes_ago) + ")";
}

// All of the filter but the status.
std::string restrictions(const JobFilter& filter) {
  std::string sql;
  if (!filter.types.empty()) sql += " AND o.type IN (" + list_of(filter.types) + ")";
  if (filter.since) sql += created(">=", *filter.since);
  if (filter.older_than) sql += created("<", *filter.older_than);
  if (filter.attempts_below) sql += " AND o.attempts < " + std::to_string(*filter.attempts_below);
  if (filter.stuck) sql += " AND " + is_stuck();
  if (filter.unscheduled) {
    sql += " AND NOT EXISTS (SELECT FROM sluice.schedule s WHERE s.job_id = o.id AND s.status = o.status)";
  }
  return sql;
}

std::vector<std::string> statuses_of(const JobFilter& filter) {
  return filter.stuck ? std::vector<std::string>{"processing"} : filter.statuses;
}

// What is shown with one of these; the statuses of the table narrow it down first.
std::string has_status(const std::vector<std::string>& statuses) {
  std::vector<std::string> stored = statuses;
  if (std::find(stored.begin(), stored.end(), "processing") != stored.end()) stored.emplace_back("pending");
  return "o.status IN (" + list_of(stored) + ") AND " + shown_status() + " IN (" + list_of(statuses) + ")";
}

// The newest rows of one status, or of all. Where the plan is pinned, the row comparison and the order by
// status, which is the same for all rows, leave the index on (status, "createdAt") as the only one that gives
// the order.
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
  if (status == "pending") condition += " AND NOT " + is_claimed();
  return condition + rest + " ORDER BY " + order;
}

// Those in processing that are pending as yet.
std::string newest_claimed(const std::string& rest) {
  return claimed_rows() + rest + " ORDER BY o.\"createdAt\" + interval '0' DESC";  // by no index
}

std::string newest(const TableName& table, const JobFilter& filter, const std::string& limit) {
  const std::string rest = restrictions(filter);
  const auto select = [&](const std::string& rows) {
    return "(SELECT o.id, o.type, " + shown_status() +
           " AS status, o.attempts, o.\"createdAt\", o.\"updatedAt\" FROM " + table.quoted() + " o WHERE " +
           rows + limit + ")";
  };
  const auto statuses = statuses_of(filter);
  const bool pinned = !list_skips(filter);
  if (statuses.empty()) return select(newest_of(std::nullopt, rest, pinned));
  std::string sql;
  for (const auto& status : statuses) {
    sql += (sql.empty() ? "" : "\n  UNION ALL ") + select(newest_of(status, rest, pinned));
    if (status == "processing" && !filter.stuck) sql += "\n  UNION ALL " + select(newest_claimed(rest));
  }
  return sql;
}

// As ISO 8601, null when infinite, and its age; the difference of epochs, because PostgreSQL refuses to
// subtract infinite timestamps.
std::string moment(const std::string& utc) {
  return "CASE WHEN isfinite(" + utc + ") THEN to_char(" + utc +
         R"(, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END, date_part('epoch', now()) - date_part('epoch', )" + utc +
         ")";
}

// Of a job o, its schedule s and its last failed attempt a; "+ 0", so that it is not looked for backwards
// through all attempts, which ends only where the job has one.
std::string summary_columns() {
  return "o.id, o.type, o.status, o.attempts, " + moment("o.\"createdAt\"") + ", " +
         moment("o.\"updatedAt\"") + ", " + moment("(s.due AT TIME ZONE 'UTC')") +
         ", a.attempt, a.result, a.code, a.error, " + moment("(a.at AT TIME ZONE 'UTC')");
}
constexpr std::string_view summary_joins = R"(
LEFT JOIN sluice.schedule s ON s.job_id = o.id AND s.status = o.status
LEFT JOIN LATERAL (SELECT * FROM sluice.attempt f WHERE f.job_id = o.id ORDER BY f.id + 0 DESC LIMIT 1) a ON true)";

// What is written in place of the jobs `changed`, and what is recorded of them.
constexpr std::string_view forget_plans = R"(
unplanned AS (DELETE FROM sluice.schedule s USING changed c WHERE s.job_id = c.id),
unrequested AS (DELETE FROM sluice.cancel_request r USING changed c WHERE r.job_id = c.id))";
constexpr std::string_view forget_all = R"(
unrecorded AS (DELETE FROM sluice.attempt a USING changed c WHERE a.job_id = c.id),
unkept AS (DELETE FROM sluice.output u USING changed c WHERE u.job_id = c.id),)";
constexpr std::string_view note_cancelled = R"(
noted AS (INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error)
  SELECT id, attempts, type, 'cancelled', 'cancelled-by-hand', 'cancelled by hand while it waited' FROM changed),)";

// A failed job whose schedule still holds, or one that waits.
std::string is_waiting() {
  return "(o.status = 'scheduled' OR (o.status = 'pending' AND NOT " + is_claimed() +
         ") OR (o.status = 'error' AND EXISTS (SELECT FROM sluice.schedule s WHERE s.job_id = o.id AND "
         "s.status = 'error')))";
}

// What the filter says comes in last, so that no mark in it is taken for one of ours.
std::string batch_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                            std::string_view lock, std::string_view change, const std::string& forgotten) {
  return filled(R"(WITH picked AS MATERIALIZED (
  SELECT o.ctid AS tid, o."createdAt" FROM {outbox} o
  WHERE (o.status, o."createdAt") >= ({status}, $1::timestamp) AND o.status <= {status}
    AND NOT (o."updatedAt" >= $2::timestamp AND o."updatedAt" <= {now}){rest}
  ORDER BY o.status, o."createdAt" LIMIT {limit}
  FOR {lock} SKIP LOCKED),
changed AS ({change} WHERE o.ctid = p.tid RETURNING o.id),{forgotten}
SELECT count(*), max("createdAt")::text, (SELECT count(*) FROM changed) FROM picked)",
                {{"{lock}", std::string(lock)},
                 {"{change}", std::string(change)},
                 {"{forgotten}", forgotten},
                 {"{limit}", std::to_string(limit)},
                 {"{now}", std::string(utc_now)},
                 {"{outbox}", table.quoted()},
                 {"{status}", quoted_literal(filter.statuses.at(0))},
                 {"{rest}", restrictions(filter)}});
}

// Looks at `most` rows of each part. Where one has more, what is older than `horizon` of it is left out, as
// there the list may have gaps.
std::string within_statement(const TableName& table, const std::vector<std::string>& parts,
                             const std::string& horizon, const std::string& rest, std::size_t limit,
                             std::size_t most) {
  std::string looked, all, horizons;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = "looked" + std::to_string(i);
    looked += name + " AS MATERIALIZED (SELECT o.id, o.type, " + shown_status() +
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
         summary_columns() + ", " + moment("horizon.at") + "\nFROM horizon LEFT JOIN listed o ON true" +
         std::string(summary_joins) + "\nORDER BY o.\"createdAt\" DESC";
}

}  // namespace

bool list_skips(const JobFilter& filter) {
  return !filter.types.empty() || filter.stuck || filter.attempts_below || filter.unscheduled;
}

std::string list_statement(const TableName& table, const JobFilter& filter, std::size_t limit) {
  const std::string most = " LIMIT " + std::to_string(limit);
  return "WITH listed AS MATERIALIZED (\n  SELECT * FROM (" + newest(table, filter, most) +
         ") AS o\n  ORDER BY \"createdAt\" DESC" + most + ")\nSELECT " + summary_columns() +
         "\nFROM listed o" + std::string(summary_joins) + "\nORDER BY o.\"createdAt\" DESC";
}

// The walk is restricted by age alone, the rest is looked at afterwards.
std::string newest_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                    std::size_t most) {
  JobFilter age;
  age.since = filter.since;
  age.older_than = filter.older_than;
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
  // Of what was looked at, whose status is the shown one.
  const std::string status = statuses.empty() ? "" : " AND o.status IN (" + list_of(statuses) + ")";
  return within_statement(table, parts, "'infinity'::timestamp", status + restrictions(filter), limit, most);
}

std::string show_statement(const TableName& table) {
  return "SELECT " + summary_columns() +
         R"(,
  o.payload, u.output::text, t.plugin, t.plugin_version, t.max_attempts
FROM (SELECT o.id, o.type, )" +
         shown_status() +
         R"( AS status, o.attempts, o."createdAt", o."updatedAt", o.payload::text AS payload FROM )" +
         table.quoted() + " o WHERE o.id = $1::text) o" + std::string(summary_joins) + R"(
LEFT JOIN sluice.output u ON u.job_id = o.id
LEFT JOIN sluice.job_type t ON t.type = o.type)";
}

std::string attempts_statement() {
  return "SELECT attempt, result, code, error, log_tail, date_part('epoch', duration), host, pid, runtime, " +
         moment("(at AT TIME ZONE 'UTC')") + " FROM sluice.attempt WHERE job_id = $1::text ORDER BY id";
}

std::string trace_statement(const TableName& table, bool near) {
  return "SELECT u.attempt, t.runtime, t.host, t.pid, u.host_pid, " +
         moment("(u.ended_at AT TIME ZONE 'UTC')") + R"(, u.took
FROM )" + table.quoted() +
         R"( o, sluice.trace t,
  unnest(t.job_ids, t.attempts, t.host_pids, t.ended_at, t.took) AS u (id, attempt, host_pid, ended_at, took)
WHERE o.id = $1::text AND t.job_ids @> ARRAY[$1::text] AND u.id = $1::text)" +
         (near ? R"(
  AND t.written_at BETWEEN (o."updatedAt" AT TIME ZONE 'UTC') - interval '1 min'
                       AND (o."updatedAt" AT TIME ZONE 'UTC') + interval '1 min')"
               : "") +
         "\nORDER BY t.written_at DESC LIMIT 1";
}

std::string foreign_statement(const TableName& table) {
  return "SELECT count(*) FROM (SELECT FROM " + table.quoted() + " o WHERE " + is_unclaimed() +
         " AND o.\"updatedAt\" >= " + std::string(ten_minutes_ago) + " LIMIT 1000) AS found";
}

std::string count_statement(const TableName& table, const JobFilter& filter) {
  const auto statuses = statuses_of(filter);
  return "SELECT count(*) FROM " + table.quoted() + " o WHERE " +
         (statuses.empty() ? "true" : has_status(statuses)) + restrictions(filter);
}

std::string state_statement(const TableName& table) {
  return filled(
      R"(SELECT a.id, CASE WHEN o.status = 'pending' AND h.id IS NOT NULL THEN 'processing' ELSE o.status END,
  s.job_id IS NOT NULL,
  date_part('epoch', now()) - date_part('epoch', o."updatedAt"), h.id, h.host, h.pid, h.live,
  EXISTS (SELECT FROM sluice.cancel_request q WHERE q.job_id = a.id)
FROM unnest($1::text[]) WITH ORDINALITY AS a (id, place)
LEFT JOIN {outbox} o ON o.id = a.id
LEFT JOIN sluice.schedule s ON s.job_id = o.id AND s.status = o.status
LEFT JOIN LATERAL (
  SELECT r.id, r.host, r.pid, {alive} AS live
  FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
  WHERE (o.status = 'processing' OR o.status = 'pending' AND NOT c.marked) AND o.id = ANY (c.ids)
  ORDER BY live DESC LIMIT 1) h ON true
ORDER BY a.place)",
      {{"{alive}", is_alive("r")}, {"{outbox}", table.quoted()}});
}

std::string lock_statement(const TableName& table) {
  return "SELECT FROM " + table.quoted() + " o WHERE o.id = ANY ($1::text[]) FOR NO KEY UPDATE";
}

std::string retry_statement(const TableName& table) {
  return filled(R"(WITH changed AS (
  UPDATE {outbox} o SET status = 'pending', "updatedAt" = {now}
  WHERE o.id = ANY ($1::text[]) AND (o.status IN ('error', 'scheduled') OR {abandoned}) RETURNING o.id),{forgotten}
SELECT id FROM changed)",
                {{"{abandoned}", is_abandoned()},
                 {"{forgotten}", std::string(forget_plans)},
                 {"{outbox}", table.quoted()},
                 {"{now}", std::string(utc_now)}});
}

std::string cancel_statement(const TableName& table) {
  return filled(R"(WITH changed AS (
  UPDATE {outbox} o SET status = 'error', "updatedAt" = {now}
  WHERE o.id = ANY ($1::text[]) AND ({waiting} OR {abandoned}) RETURNING o.id, o.type, o.attempts),{noted}{forgotten}
SELECT id FROM changed)",
                {{"{waiting}", is_waiting()},
                 {"{abandoned}", is_abandoned()},
                 {"{noted}", std::string(note_cancelled)},
                 {"{forgotten}", std::string(forget_plans)},
                 {"{outbox}", table.quoted()},
                 {"{now}", std::string(utc_now)}});
}

std::string remove_statement(const TableName& table) {
  return filled(R"(WITH changed AS (
  DELETE FROM {outbox} o WHERE o.id = ANY ($1::text[]) AND (o.status <> 'processing' AND NOT {claimed} OR {abandoned})
  RETURNING o.id),{forgotten}
SELECT id FROM changed)",
                {{"{abandoned}", is_abandoned()},
                 {"{claimed}", is_claimed()},
                 {"{forgotten}", std::string(forget_all) + std::string(forget_plans)},
                 {"{outbox}", table.quoted()}});
}

std::string cancel_request_statement(const TableName& table) {
  return "INSERT INTO sluice.cancel_request AS r (job_id) SELECT o.id FROM " + table.quoted() +
         " o WHERE o.id = ANY ($1::text[]) AND o.status IN ('pending', 'processing') AND o.id IN " +
         live_ids() + " ON CONFLICT (job_id) DO UPDATE SET at = now() RETURNING r.job_id";
}

std::string retry_batch_statement(const TableName& table, const JobFilter& filter, std::size_t limit) {
  return batch_statement(table, filter, limit, "NO KEY UPDATE",
                         "UPDATE {outbox} o SET status = 'pending', \"updatedAt\" = {now} FROM picked p",
                         std::string(forget_plans));
}

std::string remove_batch_statement(const TableName& table, const JobFilter& filter, std::size_t limit) {
  return batch_statement(table, filter, limit, "UPDATE", "DELETE FROM {outbox} o USING picked p",
                         std::string(forget_all) + std::string(forget_plans));
}

std::string end_requested_statement(const TableName& table) {
  return filled(R"(WITH changed AS (
  UPDATE {outbox} o SET status = 'error', "updatedAt" = {now} FROM (
    SELECT o.ctid AS place FROM sluice.cancel_request r, {outbox} o WHERE o.id = ANY (ARRAY[r.job_id]) AND {waiting}
    FOR NO KEY UPDATE OF o SKIP LOCKED) p
  WHERE o.ctid = p.place RETURNING o.id, o.type, o.attempts),{noted}
unplanned AS (DELETE FROM sluice.schedule s USING changed c WHERE s.job_id = c.id)
DELETE FROM sluice.cancel_request r
WHERE NOT EXISTS (SELECT FROM {outbox} o WHERE o.id = r.job_id AND (o.status IN ('pending', 'processing') OR {waiting}))
  OR r.job_id IN (SELECT id FROM changed))",
                {{"{waiting}", is_waiting()},
                 {"{noted}", std::string(note_cancelled)},
                 {"{outbox}", table.quoted()},
                 {"{now}", std::string(utc_now)}});
}

}  // namespace sluice::postgres
