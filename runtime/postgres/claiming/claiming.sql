-- name: claim
-- Locks rows of some lanes, and records them as a row of sluice.claim. Parameters: runtime, pump, whether the rows are
-- marked, whether the commit is waited for; the claims that were open at the last look, and the oldest transaction that
-- may have recorded others since; then types, limit, cursor and bytes of each lane. The first row of the result has, in
-- this order, null, the new claim or null, the transaction and the claims for the next look, a code, the time, null, null.
-- The code is 0 if the runtime is not enlisted, 2 if other claims took rows that were chosen here, and 1 otherwise.
-- Then come lane, id, type, payload, attempt, createdAt, place of each claimed job and since
-- when it has been pending: whatever makes a row pending also writes its "updatedAt".
--
-- `open` are the claims that may name pending rows: those of the last look that still exist, and those recorded since.
-- No others are read, so dead claims cost nothing, even if the server has to keep them for some snapshot.
--
-- The upper bound of xid is the greatest one there is: of a range the planner expects few rows, of a lower bound alone a
-- third of the table, dead ones included, and then it takes their ids for too many to be hashed.
--
-- What is locked is recorded by a function, since it has to look again at what claims there are by then, with a snapshot of
-- its own: a rival's claim may have been committed, and its row locks released, after this statement's snapshot was taken
-- and before it came to these rows. As one plain statement, both would have them.
WITH open AS MATERIALIZED (
  SELECT c.id, c.ids FROM sluice.claim c WHERE c.id = ANY ($5::bigint[]) AND NOT c.marked
  UNION ALL
  SELECT c.id, c.ids FROM sluice.claim c WHERE c.xid BETWEEN $6::xid8 AND '18446744073709551615' AND NOT c.marked AND c.id <> ALL ($5::bigint[])),
{picks},
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
       date_part('epoch', now()) AS created, NULL::tid AS place, NULL::float8 AS pending_since
UNION ALL
SELECT * FROM (
  SELECT t.lane, t.id, t.type, t.payload, t.attempt, date_part('epoch', t."createdAt"), t.place,
    date_part('epoch', greatest(t."createdAt", t."updatedAt"))
  FROM {jobs} ORDER BY t.lane, t."createdAt") AS jobs

-- name: claim_pick
-- The oldest pending rows of a lane that no claim names. The row comparison, and the order by status, which is the same
-- for all rows, make the index on (status, "createdAt") the only one that gives the order and starts at the cursor. NO
-- KEY UPDATE, so that the application's foreign keys never make us skip a row. NOT IN is a hash look-up; any other form
-- is a join, for which the pumps' settings allow only nested loops.
picked{lane} AS MATERIALIZED (
  SELECT o.ctid AS place, o.payload::text AS payload, o.id, o.type, {next_attempt} AS attempt, o."createdAt", o."updatedAt" FROM {outbox} o
  WHERE (o.status, o."createdAt") >= ('pending', to_timestamp({cursor}::float8) AT TIME ZONE 'UTC')
    AND o.status <= 'pending' AND o.type = ANY ({types}::text[])
    AND o.id NOT IN (SELECT i FROM open, unnest(open.ids) i WHERE i IS NOT NULL)
  ORDER BY o.status, o."createdAt" LIMIT {limit}::int
  FOR NO KEY UPDATE SKIP LOCKED)

-- name: claim_lane
-- The rows of a lane for which the payloads before them leave room.
SELECT {lane} AS lane, p.* FROM (
      SELECT *, sum(octet_length(payload)) OVER (ROWS UNBOUNDED PRECEDING)
             - octet_length(payload) AS before FROM picked{lane}) AS p WHERE before < {bytes}::bigint

-- name: claim_jobs
taken t, recorded r WHERE t.id <> ALL (r.others)

-- name: claim_mark
-- Makes them `processing` in the same transaction.
,
marked AS (
  UPDATE {outbox} o SET status = 'processing', attempts = t.attempt, "updatedAt" = {now}
  FROM taken t, recorded r WHERE o.ctid = t.place AND t.id <> ALL (r.others)
  RETURNING t.lane, t.id, t.type, t.payload, t.attempt, t."createdAt", t."updatedAt", o.ctid AS place)

-- name: front
-- Whether it is best to walk from the oldest row to those of the types $1. It is if one of these is among the oldest
-- sweep_front pending rows, if no more rows are pending, or if there is no index on type.
WITH front AS MATERIALIZED (
  SELECT o.type = ANY ($1::text[]) AS ours FROM {outbox} o
  WHERE (o.status, o."createdAt") >= ('pending', timestamp '-infinity') AND o.status <= 'pending'
  ORDER BY o.status, o."createdAt" LIMIT {sweep_front})
SELECT EXISTS (SELECT FROM front WHERE ours) OR (SELECT count(*) FROM front) < {sweep_front}
  OR NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a
      ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'type'
    WHERE i.indrelid = to_regclass({outbox_literal}) AND i.indisvalid AND i.indpred IS NULL)

-- name: search
-- For the types $1: the "createdAt" of the oldest pending row, or null, the number of pending rows, and the time. To be
-- planned under search_settings.
SELECT date_part('epoch', min(o."createdAt")), count(*), date_part('epoch', now())
FROM {outbox} o WHERE o.status = 'pending' AND o.type = ANY ($1::text[])

-- name: give_back
-- Deletes a pump's claims that are not in the list, and gives back the marked ones of their jobs with their attempt
-- refunded. Parameters: runtime, pump, known claims.
WITH taken AS (
  DELETE FROM sluice.claim WHERE runtime = $1::bigint AND pump = $2::int AND id <> ALL ($3::bigint[])
  RETURNING id, ids),
named AS (
  SELECT DISTINCT i AS id FROM taken, unnest(taken.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim c
                    WHERE i = ANY (c.ids) AND (c.runtime <> $1::bigint OR c.pump <> $2::int OR c.id = ANY ($3::bigint[]))))
UPDATE {outbox} o SET status = 'pending', attempts = greatest(o.attempts - 1, 0), "updatedAt" = {now}
FROM named WHERE o.id = ANY (ARRAY[named.id]) AND o.status IS NOT DISTINCT FROM 'processing'

-- name: search_settings
-- For a transaction: a search is planned for its types, uses the index on type, the one on status or both, and gives up
-- after a second.
SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL work_mem = '16MB';
SET LOCAL statement_timeout = '1s'
