#include "postgres/statements.hpp"

#include <string_view>

#include "postgres/claiming/receipts.hpp"

namespace sluice::postgres {

namespace {

// Now, as Prisma writes "updatedAt": UTC without a time zone. Worked out once for a statement, not for
// each row.
constexpr std::string_view utc_now = "(SELECT clock_timestamp() AT TIME ZONE 'UTC')";

// The row of settlement f, if it is still ours: in processing, or pending as its claim found it. Such a row
// may have been deleted and inserted again meanwhile, which "createdAt" tells, to the microseconds that are
// lost on the way here and back. "attempts", which anybody may set, tells nothing. Written so that no index
// but the one on id can serve it, and only from f to the row: the one on status looks cheaper while
// statistics say that nothing is in processing.
constexpr std::string_view same_row =
    R"(o.id = ANY (ARRAY[f.id]) AND (o.status IS NOT DISTINCT FROM 'processing' OR o.status IS NOT DISTINCT FROM 'pending'
    AND o."createdAt" BETWEEN (to_timestamp(f.created) AT TIME ZONE 'UTC') - interval '10 microseconds'
                          AND (to_timestamp(f.created) AT TIME ZONE 'UTC') + interval '10 microseconds'))";
// No later claim names the id of f. One does where the job was given back by hand and claimed anew.
constexpr std::string_view newest_claim =
    "NOT EXISTS (SELECT FROM sluice.claim c WHERE c.id > f.claim AND f.id = ANY (c.ids))";

// An attempts column at the end of its range must not make the row unclaimable.
constexpr std::string_view next_attempt = "least(o.attempts, 2147483646) + 1";
// What a claim may name; no index can serve it.
constexpr std::string_view is_ours = "(o.status IN ('pending', 'processing')) IS TRUE";
std::string parameter(std::size_t number) {
  return std::string("$").append(std::to_string(number));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The claims that may name pending rows: those of the last look that are still there, and what was recorded
// since. Nothing else needs a look, so that dead claims, which the server may have to keep for somebody's
// snapshot, cost nothing.
constexpr std::string_view open_clause = R"(WITH open AS MATERIALIZED (
  SELECT c.id, c.ids FROM sluice.claim c WHERE c.id = ANY ($5::bigint[]) AND NOT c.marked
  UNION ALL
  SELECT c.id, c.ids FROM sluice.claim c WHERE c.xid >= $6::xid8 AND NOT c.marked AND c.id <> ALL ($5::bigint[])))";

// The oldest pending rows of a lane that no claim names. The row comparison and the order by status, which is
// the same for all of them, leave the index on (status, "createdAt") as the only one that gives the order and
// starts at the cursor. NO KEY UPDATE, so that a foreign key of the application's never makes us skip a row.
// NOT IN is looked up in a hash; any other form is a join that the pumps' settings leave to nested loops.
std::string pick_clause(std::size_t lane) {
  const std::size_t first = 7 + 4 * lane;
  return ",\npicked" + std::to_string(lane) +
         " AS MATERIALIZED (\n"
         "  SELECT o.ctid AS place, o.payload::text AS payload, o.id, o.type, {next_attempt} AS attempt, "
         "o.\"createdAt\" FROM {outbox} o\n"
         "  WHERE (o.status, o.\"createdAt\") >= ('pending', to_timestamp(" +
         parameter(first + 2) +
         "::float8) AT TIME ZONE 'UTC')\n"
         "    AND o.status <= 'pending' AND o.type = ANY (" +
         parameter(first) +
         "::text[])\n"
         "    AND o.id NOT IN (SELECT i FROM open, unnest(open.ids) i WHERE i IS NOT NULL)\n"
         "  ORDER BY o.status, o.\"createdAt\" LIMIT " +
         parameter(first + 1) +
         "::int\n"
         "  FOR NO KEY UPDATE SKIP LOCKED)";
}

// Of each lane those rows that the payloads before them leave room for.
std::string taken_lanes(std::size_t lanes) {
  std::string sql;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::string number = std::to_string(lane);
    if (lane > 0) sql += "\n    UNION ALL ";
    sql += "SELECT " + number +
           " AS lane, p.* FROM (\n"
           "      SELECT *, sum(octet_length(payload)) OVER (ROWS UNBOUNDED PRECEDING)\n"
           "             - octet_length(payload) AS before FROM picked" +
           number + ") AS p WHERE before < " + parameter(10 + 4 * lane) + "::bigint";
  }
  return sql;
}

// What is locked is recorded by a function, since it has to look again at what claims there are by then, with
// a snapshot of its own: a rival's claim may have been committed, and its row locks released, after this
// statement's snapshot was taken and before it came to these rows. As one plain statement, both would have
// them.
constexpr std::string_view record_clauses = R"(,
taken AS MATERIALIZED ({lanes}),
recorded AS MATERIALIZED (
  SELECT r.claim, coalesce(r.others, '{}') AS others
  FROM (SELECT array_agg(id) AS ids FROM taken) t,
       LATERAL sluice.record_claim($1::bigint, $2::int, t.ids, $6::xid8, $3::bool, $4::bool) r
  WHERE t.ids IS NOT NULL){mark}
SELECT NULL::int AS lane, (SELECT claim FROM recorded)::text AS id, pg_snapshot_xmin(pg_current_snapshot())::text AS type,
       (SELECT array_agg(id) FROM open)::text AS payload,
       CASE WHEN NOT EXISTS (SELECT FROM sluice.runtime WHERE id = $1::bigint) THEN 0
            WHEN (SELECT cardinality(others) > 0 FROM recorded) THEN 2 ELSE 1 END AS attempt,
       date_part('epoch', now()) AS created, NULL::tid AS place
UNION ALL
SELECT * FROM (
  SELECT t.lane, t.id, t.type, t.payload, t.attempt, date_part('epoch', t."createdAt"), t.place
  FROM {jobs} ORDER BY t.lane, t."createdAt") AS jobs)";

constexpr std::string_view recorded_jobs = "taken t, recorded r WHERE t.id <> ALL (r.others)";

constexpr std::string_view mark_clause = R"(,
marked AS (
  UPDATE {outbox} o SET status = 'processing', attempts = t.attempt, "updatedAt" = {now}
  FROM taken t, recorded r WHERE o.ctid = t.place AND t.id <> ALL (r.others)
  RETURNING t.lane, t.id, t.type, t.payload, t.attempt, t."createdAt", o.ctid AS place))";

}  // namespace

std::string filled(std::string sql, const TableName& table) {
  replace_all(sql, "{next_attempt}", next_attempt);
  replace_all(sql, "{is_ours}", is_ours);
  replace_all(sql, "{this_attempt}", this_attempt);
  replace_all(sql, "{same_row}", same_row);
  replace_all(sql, "{newest_claim}", newest_claim);
  replace_all(sql, "{now}", utc_now);
  replace_all(sql, "{literal}", quoted_literal(table.quoted()));
  replace_all(sql, "{outbox}", table.quoted());
  return sql;
}

std::string claim_statement(const TableName& table, std::size_t lanes, bool mark) {
  std::string sql(open_clause);
  for (std::size_t lane = 0; lane < lanes; ++lane) sql += pick_clause(lane);
  std::string rest(record_clauses);
  replace_all(rest, "{lanes}", taken_lanes(lanes));
  replace_all(rest, "{mark}", mark ? mark_clause : "");
  replace_all(rest, "{jobs}", mark ? "marked t" : recorded_jobs);
  return filled(sql + rest, table);
}

// Rows that the application wrote meanwhile have moved, so that they are found by their id. What somebody has
// locked is left for the next time.
std::string mark_statement(const TableName& table) {
  return filled(R"(WITH live AS MATERIALIZED (
  SELECT id, ids FROM sluice.claim WHERE id = ANY ($2::bigint[]) FOR KEY SHARE),
free AS MATERIALIZED (
  SELECT f.n, o.ctid AS here FROM unnest($1::text[], $2::bigint[], $3::float8[]) WITH ORDINALITY AS f (id, claim, created, n)
  JOIN live ON live.id = f.claim, {outbox} o
  WHERE {same_row} AND f.id = ANY (live.ids) AND o.status IS NOT DISTINCT FROM 'pending' FOR NO KEY UPDATE OF o SKIP LOCKED),
filled AS (
  UPDATE sluice.claim c SET marked = true WHERE c.id = ANY ($4::bigint[]) AND NOT c.marked),
marked AS (
  UPDATE {outbox} o SET status = 'processing', attempts = {next_attempt}, "updatedAt" = {now}
  FROM free f WHERE o.ctid = f.here RETURNING f.n, o.ctid AS place)
SELECT n, place FROM marked)",
                table);
}

std::string front_statement(const TableName& table) {
  return filled(R"(WITH front AS MATERIALIZED (
  SELECT o.type = ANY ($1::text[]) AS ours FROM {outbox} o
  WHERE (o.status, o."createdAt") >= ('pending', timestamp '-infinity') AND o.status <= 'pending'
  ORDER BY o.status, o."createdAt" LIMIT )" +
                    std::to_string(sweep_front) + R"()
SELECT EXISTS (SELECT FROM front WHERE ours) OR (SELECT count(*) FROM front) < )" +
                    std::to_string(sweep_front) + R"(
  OR NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a
      ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'type'
    WHERE i.indrelid = to_regclass({literal}) AND i.indisvalid AND i.indpred IS NULL))",
                table);
}

std::string search_statement(const TableName& table) {
  return filled(R"(SELECT date_part('epoch', min(o."createdAt")), count(*), date_part('epoch', now())
FROM {outbox} o WHERE o.status = 'pending' AND o.type = ANY ($1::text[]))",
                table);
}

// The claims that settlements name are held against a rescue, which deletes them, and against nobody else:
// what plugins ask to be committed with a job may take its time, while others of the same claim are written.
//
// A row is where its claim found it, unless somebody else wrote it meanwhile. An id that the claim names no
// more was given back. IS TRUE, so that IN is looked up in a hash. A join would look up the table's size for
// each row, and carry all of the claims' ids along, in case the row was changed meanwhile and has to be
// joined anew.
std::string finish_in_place_statement(const TableName& table) {
  return filled(R"(WITH live AS MATERIALIZED (
  SELECT id, ids FROM sluice.claim WHERE id = ANY ($5::bigint[] || $6::bigint[]) FOR KEY SHARE),
asked AS MATERIALIZED (
  SELECT f.* FROM unnest($1::tid[], $2::text[], $3::bigint[], $4::int[]) WITH ORDINALITY AS f (place, id, claim, attempt, n)
  WHERE (f.claim IN (SELECT id FROM live)) IS TRUE AND (f.id IN (SELECT i FROM live, unnest(live.ids) i)) IS TRUE),
finished AS (
  UPDATE {outbox} o SET status = 'done', attempts = {this_attempt}, "updatedAt" = {now}
  WHERE o.ctid = ANY ($1::tid[]) AND {is_ours}
    AND ((o.ctid, o.id, {this_attempt}) IN (SELECT place, id, attempt FROM asked)) IS TRUE
  RETURNING o.id, o.attempts),
closed AS (
  DELETE FROM sluice.claim WHERE id = ANY ($5::bigint[])
    AND (SELECT count(*) FROM finished) = cardinality($1::tid[]))
SELECT count(*), CASE WHEN count(*) < cardinality($1::tid[])
  THEN ARRAY (SELECT n FROM asked WHERE ((id, attempt) IN (SELECT id, attempts FROM finished)) IS TRUE) END FROM finished)",
                table);
}

std::string finish_statement(const TableName& table) {
  return filled(R"(WITH live AS MATERIALIZED (
  SELECT id, ids FROM sluice.claim WHERE id = ANY ($3::bigint[] || $4::bigint[]) FOR KEY SHARE),
ours AS MATERIALIZED (
  SELECT f.n, f.id, f.claim, o.ctid AS here
  FROM unnest($1::text[], $2::bigint[], $5::float8[]) WITH ORDINALITY AS f (id, claim, created, n)
  JOIN live ON live.id = f.claim, {outbox} o
  WHERE {same_row} AND f.id = ANY (live.ids) AND {newest_claim}),
finished AS (
  UPDATE {outbox} o SET status = 'done', attempts = {this_attempt}, "updatedAt" = {now}
  FROM ours f WHERE o.ctid = f.here AND o.id IS NOT DISTINCT FROM f.id AND {is_ours}
  RETURNING f.n),
kept AS MATERIALIZED (SELECT n, claim FROM ours WHERE n NOT IN (SELECT n FROM finished)),
closed AS (
  DELETE FROM sluice.claim WHERE id = ANY ($3::bigint[]) AND id NOT IN (SELECT claim FROM kept))
SELECT (SELECT array_agg(n) FROM finished), (SELECT array_agg(n) FROM kept))",
                table);
}

// A claim that stays forgets the ids that were settled here, so that it never names a job which was
// given back and claimed by somebody else since. Rows that somebody has locked are told and left alone.
// Nothing is written of a row that is given back and was never marked.
std::string settle_statement(const TableName& table) {
  return filled(R"(WITH live AS MATERIALIZED (
  SELECT id, ids, runtime FROM sluice.claim WHERE id = ANY ($3::bigint[]) FOR KEY SHARE),
ours AS MATERIALIZED (
  SELECT f.*, live.runtime, o.ctid AS at,
         f.result = 'released' AND o.status IS NOT DISTINCT FROM 'pending' AS untouched
  FROM unnest($2::text[], $3::bigint[], $4::int[], $5::text[], $6::bool[], $7::bigint[], $8::text[],
              $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::tid[],
              $16::text[], $17::float8[]) WITH ORDINALITY
    AS f (id, claim, attempt, status, refund, delay, type, result, code, error, log_tail, output, duration, place,
          claimed_as, created, n)
  JOIN live ON live.id = f.claim, {outbox} o
  WHERE {same_row} AND f.claimed_as = ANY (live.ids) AND (o.ctid = f.place OR {newest_claim})),
free AS MATERIALIZED (
  SELECT f.*, o.ctid AS here FROM ours f, {outbox} o
  WHERE NOT f.untouched AND o.ctid = f.at AND o.id IS NOT DISTINCT FROM f.id AND {is_ours}
  FOR NO KEY UPDATE OF o SKIP LOCKED),
moved AS (
  UPDATE {outbox} o SET status = f.status, "updatedAt" = {now},
    attempts = CASE WHEN f.refund THEN greatest({this_attempt} - 1, 0) ELSE {this_attempt} END
  FROM free f WHERE o.ctid = f.here
  RETURNING f.*),
noted AS (
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, log_tail, duration, runtime, host, pid)
  SELECT m.id, m.attempt, m.type, m.result, m.code, m.error, m.log_tail,
         make_interval(secs => m.duration / 1e6), r.id, r.host, r.pid
  FROM moved m LEFT JOIN sluice.runtime r ON r.id = m.runtime
  WHERE m.result NOT IN ('done', 'snooze', 'released')),
planned AS (
  INSERT INTO sluice.schedule AS s (job_id, due, status)
  SELECT id, now() + make_interval(secs => delay / 1e6), status FROM moved WHERE delay IS NOT NULL
  ON CONFLICT (job_id) DO UPDATE SET due = excluded.due, status = excluded.status),
unplanned AS (
  DELETE FROM sluice.schedule s USING moved m WHERE s.job_id = m.id AND m.delay IS NULL),
kept AS (
  INSERT INTO sluice.output AS u (job_id, output)
  SELECT id, output::jsonb FROM moved WHERE output IS NOT NULL
  ON CONFLICT (job_id) DO UPDATE SET output = excluded.output, at = excluded.at),
over AS MATERIALIZED (
  SELECT n, claimed_as FROM moved UNION ALL SELECT n, claimed_as FROM ours WHERE untouched),
freed AS (
  UPDATE sluice.claim c SET ids = ARRAY (SELECT i FROM unnest(c.ids) i WHERE i NOT IN (SELECT claimed_as FROM over))
  FROM live WHERE c.id = live.id AND c.id <> ALL ($1::bigint[]))
SELECT (SELECT array_agg(n) FROM over),
       (SELECT array_agg(n) FROM ours WHERE NOT untouched AND n NOT IN (SELECT n FROM free)),
       (SELECT array_agg(n) FROM free WHERE n NOT IN (SELECT n FROM moved)))",
                table);
}

std::string hold_statement(const TableName& table) {
  return filled(R"(WITH live AS MATERIALIZED (
  SELECT id, ids FROM sluice.claim WHERE id = ANY ($2::bigint[]) FOR KEY SHARE),
ours AS MATERIALIZED (
  SELECT f.*, o.ctid AS place
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::float8[]) WITH ORDINALITY AS f (id, claim, claimed_as, created, n)
  JOIN live ON live.id = f.claim, {outbox} o
  WHERE {same_row} AND f.claimed_as = ANY (live.ids) AND {newest_claim}),
free AS MATERIALIZED (
  SELECT f.n FROM ours f, {outbox} o
  WHERE o.ctid = f.place AND o.id IS NOT DISTINCT FROM f.id AND {is_ours}
  FOR NO KEY UPDATE OF o SKIP LOCKED)
SELECT (SELECT array_agg(n) FROM free),
       (SELECT array_agg(n) FROM ours WHERE n NOT IN (SELECT n FROM free)), NULL)",
                table);
}

// Such a row is in processing as its claim left it, created when the job was, and no claim names it.
std::string renamed_statement(const TableName& table) {
  return filled(R"(WITH lost AS MATERIALIZED (
  SELECT f.*, row_number() OVER (PARTITION BY f.type, f.created, f.attempt ORDER BY f.n) AS k
  FROM unnest($1::text[], $2::int[], $3::text[], $4::float8[]) WITH ORDINALITY AS f (id, attempt, type, created, n)
  WHERE NOT EXISTS (SELECT FROM {outbox} o WHERE o.id = ANY (ARRAY[f.id]))),
alike AS MATERIALIZED (
  SELECT DISTINCT type, created, attempt, to_timestamp(created) AT TIME ZONE 'UTC' AS at FROM lost),
found AS MATERIALIZED (
  SELECT o.id, a.type, a.created, a.attempt,
         row_number() OVER (PARTITION BY a.type, a.created, a.attempt ORDER BY o.id) AS k,
         count(*) OVER (PARTITION BY a.type, a.created, a.attempt) > 1 OR EXISTS (
           SELECT FROM {outbox} other JOIN sluice.attempt t ON t.job_id = other.id AND t.code = 'id-changed'
           WHERE other.status = 'error' AND other.type = a.type
             AND other."createdAt" BETWEEN a.at - interval '10 microseconds' AND a.at + interval '10 microseconds')
         AS doubtful
  FROM alike a, {outbox} o
  WHERE o.status = 'processing' AND o.type = a.type AND o.attempts = a.attempt
    AND o."createdAt" BETWEEN a.at - interval '10 microseconds' AND a.at + interval '10 microseconds'
    AND NOT EXISTS (SELECT FROM sluice.claim c WHERE o.id = ANY (c.ids)))
SELECT l.n, f.id, f.doubtful FROM lost l JOIN found f USING (type, created, attempt, k))",
                table);
}

std::string give_back_statement(const TableName& table) {
  return filled(R"(WITH taken AS (
  DELETE FROM sluice.claim WHERE runtime = $1::bigint AND pump = $2::int AND id <> ALL ($3::bigint[])
  RETURNING id, ids),
named AS (
  SELECT DISTINCT i AS id FROM taken, unnest(taken.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim c
                    WHERE i = ANY (c.ids) AND (c.runtime <> $1::bigint OR c.pump <> $2::int OR c.id = ANY ($3::bigint[]))))
UPDATE {outbox} o SET status = 'pending', attempts = greatest(o.attempts - 1, 0), "updatedAt" = {now}
FROM named WHERE o.id = ANY (ARRAY[named.id]) AND o.status IS NOT DISTINCT FROM 'processing')",
                table);
}

// A row that somebody has locked is passed over, and looked for again a second later: whatever waits behind
// it goes on. So is one that was written since the statement began. IS TRUE, so that IN is looked up in a
// hash and not joined: the pumps' settings leave joins by nested loops alone.
std::string promote_statement(const TableName& table) {
  return filled(R"(WITH due AS MATERIALIZED (
  SELECT job_id, status FROM sluice.schedule WHERE due <= now() ORDER BY due LIMIT $1::bigint FOR UPDATE SKIP LOCKED),
free AS MATERIALIZED (
  SELECT o.id, o.ctid AS place, o.status IS NOT DISTINCT FROM d.status AS waits
  FROM due d, {outbox} o WHERE o.id = ANY (ARRAY[d.job_id]) FOR NO KEY UPDATE OF o SKIP LOCKED),
moved AS (
  UPDATE {outbox} o SET status = 'pending', "updatedAt" = {now}
  FROM free f WHERE o.ctid = f.place AND f.waits RETURNING o.id),
over AS MATERIALIZED (
  SELECT id FROM moved UNION ALL SELECT id FROM free WHERE NOT waits UNION ALL
  SELECT d.job_id FROM due d WHERE NOT EXISTS (SELECT FROM {outbox} o WHERE o.id = ANY (ARRAY[d.job_id]))),
used AS (
  DELETE FROM sluice.schedule s USING due d WHERE s.job_id = d.job_id AND (d.job_id IN (SELECT id FROM over)) IS TRUE RETURNING 1),
held AS (
  UPDATE sluice.schedule s SET due = now() + interval '1 s' FROM due d
  WHERE s.job_id = d.job_id AND d.job_id NOT IN (SELECT id FROM over) RETURNING s.job_id)
SELECT (SELECT count(*) FROM used), (SELECT count(*) FROM held), (SELECT min(job_id) FROM held),
  (SELECT date_part('epoch', s.due) - date_part('epoch', now()) FROM sluice.schedule s
   WHERE s.due > now() ORDER BY s.due LIMIT 1))",
                table);
}

// The numbers that the planner would choose by are those of the last ANALYZE, and an outbox goes from
// empty to a million rows and back between two of them. The pumps' statements have one good plan each:
// nested loops over index and tid scans. The server's JIT compiler would only cost.
// As with the claims, the row comparison leaves the index on (status, "createdAt") alone.
std::string depths_statement(const TableName& table) {
  const std::string select = "\n  (SELECT type, status, \"createdAt\" FROM " + table.quoted() + " o WHERE ";
  std::string sql =
      select +
      "(o.status, o.\"createdAt\") >= ('pending', '-infinity'::timestamp) AND o.status <= 'pending' "
      "AND NOT " +
      is_claimed() + " ORDER BY o.status, o.\"createdAt\" LIMIT $1::bigint)";
  for (const std::string status : {"scheduled", "processing", "error"}) {
    sql += "\n  UNION ALL" + select + "(o.status, o.\"createdAt\") >= ('" + status +
           "', '-infinity'::timestamp) AND o.status <= '" + status +
           "' ORDER BY o.status, o.\"createdAt\" LIMIT $1::bigint)";
  }
  sql += "\n  UNION ALL\n  (SELECT type, 'processing', \"createdAt\" FROM " + table.quoted() + " o WHERE " +
         claimed_rows() + " LIMIT $1::bigint)";
  // A difference of epochs: "createdAt" may be infinite.
  return "SELECT type, status, count(*), date_part('epoch', now()) - date_part('epoch', min(\"createdAt\")) "
         "FROM (" +
         sql + ") waiting\nGROUP BY type, status ORDER BY type, status";
}

std::string pump_settings(const std::string& scope) {
  std::string sql = scope + " plan_cache_mode = force_generic_plan";
  for (const char* method :
       {"enable_indexscan", "enable_indexonlyscan", "enable_tidscan", "enable_nestloop"}) {
    sql += "; " + scope + " " + method + " = on";
  }
  for (const char* method : {"enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_incremental_sort",
                             "enable_hashjoin", "enable_mergejoin", "jit"}) {
    sql += "; " + scope + " " + method + " = off";
  }
  return sql;
}

std::string search_settings() {
  return "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_bitmapscan = on; SET LOCAL "
         "enable_indexscan = off; SET LOCAL enable_indexonlyscan "
         "= off; "
         "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL work_mem = '16MB'; "
         "SET LOCAL statement_timeout = '1s'";
}

}  // namespace sluice::postgres
