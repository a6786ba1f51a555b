-- name: promote
-- Makes jobs pending whose schedule is due, at most $1. Returns how many schedules were used up, how many were put off
-- because another session has locked the job, the id of one of these jobs, and in how many seconds the next schedule is
-- due, or null if there is none.
--
-- A locked row is skipped, and tried again a second later, so the rows behind it are not held up. The same applies to a
-- row that was written since the statement began. IS TRUE makes IN a hash look-up instead of a join, because the pumps'
-- settings allow only nested loops for joins.
WITH due AS MATERIALIZED (
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
   WHERE s.due > now() ORDER BY s.due LIMIT 1)

-- name: release
-- Removes the claims of the runtimes $1. A job that is named by another runtime's claim has moved on since. $2, $3: the
-- policy of unknown types. $4: the ids of jobs that may have run. $5, $6: what is recorded for them. The other jobs are
-- given back as if never claimed; rows that were never marked are not written. Returns how many jobs are now pending
-- and in error.
WITH taken AS (
  DELETE FROM sluice.claim WHERE runtime = ANY ($1::bigint[]) RETURNING runtime, ids),
named AS (
  SELECT i AS id, max(taken.runtime) AS runtime FROM taken, unnest(taken.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim c WHERE c.runtime <> ALL ($1::bigint[]) AND i = ANY (c.ids))
  GROUP BY i),
judged AS (
  SELECT n.id, n.runtime, n.id = ANY ($4::text[]) AS ran FROM named n),
moved AS (
  UPDATE {outbox} o SET "updatedAt" = {now},
    attempts = CASE WHEN j.ran THEN {this_attempt} ELSE greatest(o.attempts - 1, 0) END,
    status = CASE WHEN j.ran AND (
        {this_attempt} >= coalesce((SELECT t.max_attempts FROM sluice.job_type t WHERE t.type = o.type), $2::int)
        OR coalesce((SELECT t.at_most_once FROM sluice.job_type t WHERE t.type = o.type), $3::bool))
      THEN 'error' ELSE 'pending' END
  FROM judged j WHERE o.id = ANY (ARRAY[j.id])
    AND (o.status IS NOT DISTINCT FROM 'processing' OR j.ran AND o.status IS NOT DISTINCT FROM 'pending')
  RETURNING o.id, o.type, o.attempts, o.status, j.runtime, j.ran),
noted AS (
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, runtime, host, pid)
  SELECT m.id, m.attempts, m.type, 'crashed', $5::text,
         format($6::text, r.host, r.pid, round(extract(epoch FROM now() - r.beat_at))), r.id, r.host, r.pid
  FROM moved m JOIN sluice.runtime r ON r.id = m.runtime WHERE m.ran),
unplanned AS (DELETE FROM sluice.schedule s USING moved m WHERE s.job_id = m.id)
SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'error') FROM moved

-- name: dead
-- For the dead runtimes: whether they can be declared dead by now, and whether they have claims. $1: the judge, $2: the
-- time since when it has been observing, $3: its last beat that it knows of. Two of its beats that are half a lease apart
-- begin that time anew, but it may not have noticed yet: it was frozen, or is just hearing of the second one.
SELECT r.id, to_timestamp($2::float8) + r.lease < now() AND ($1::bigint = 0 OR EXISTS (
    SELECT FROM sluice.runtime me WHERE me.id = $1::bigint AND sluice.is_alive(me.beat_at, me.lease)
      AND now() <= me.beat_at + me.lease / 2 AND me.beat_at <= to_timestamp($3::float8) + me.lease / 2)),
  EXISTS (SELECT FROM sluice.claim c WHERE c.runtime = r.id)
FROM sluice.runtime r WHERE r.id <> $1::bigint AND r.command <> 'lost' AND NOT {is_alive} FOR UPDATE OF r SKIP LOCKED

-- name: bury
-- Copies the row of the dead runtime $1 under a new id, with command 'lost', and moves its claims there under new ids. So
-- nothing that it still does under the ids that it knows has an effect. Jobs that others' claims name are left out.
WITH buried AS (
  INSERT INTO sluice.runtime (host, pid, version, command, started_at, beat_at, lease)
  SELECT host, pid, version, 'lost', started_at, beat_at, lease FROM sluice.runtime WHERE id = $1::bigint
    AND EXISTS (SELECT FROM sluice.claim WHERE runtime = $1::bigint)
  RETURNING id)
UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT, runtime = buried.id, ids = ARRAY (SELECT i FROM unnest(c.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim other WHERE other.runtime <> $1::bigint AND i = ANY (other.ids)))
FROM buried WHERE c.runtime = $1::bigint

-- name: settle_buried
-- Moves the jobs of some claims of buried runtimes, except those whose rows are locked. $1: the attempts of unknown
-- types, $2: whether these run at most once, $3: how many claims.
WITH part AS MATERIALIZED (
  SELECT c.id, c.runtime, c.ids FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
  WHERE r.command = 'lost' ORDER BY c.id LIMIT $3::int FOR UPDATE OF c SKIP LOCKED),
named AS MATERIALIZED (
  SELECT i AS id, max(part.runtime) AS runtime FROM part, unnest(part.ids) i
  WHERE NOT EXISTS (SELECT FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
                    WHERE r.command <> 'lost' AND i = ANY (c.ids))
  GROUP BY i),
free AS MATERIALIZED (
  SELECT o.ctid AS place, n.runtime FROM named n, {outbox} o
  WHERE o.id = ANY (ARRAY[n.id]) AND {is_ours} FOR NO KEY UPDATE OF o SKIP LOCKED),
moved AS (
  UPDATE {outbox} o SET "updatedAt" = {now}, attempts = {this_attempt}, status = CASE
    WHEN {this_attempt} >= coalesce((SELECT t.max_attempts FROM sluice.job_type t WHERE t.type = o.type), $1::int)
      OR coalesce((SELECT t.at_most_once FROM sluice.job_type t WHERE t.type = o.type), $2::bool)
    THEN 'error' ELSE 'pending' END
  FROM free f WHERE o.ctid = f.place AND {is_ours}
  RETURNING o.id, o.type, o.attempts, o.status, f.runtime),
noted AS (
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, runtime, host, pid)
  SELECT m.id, m.attempts, m.type, 'crashed', CASE WHEN r.lease = '0' THEN 'outcome-lost' ELSE 'runtime-lost' END,
         CASE WHEN r.lease = '0' THEN 'the job ended, but its outcome is lost: the database lost its last commits when it crashed or a replica took over'
         ELSE format('runtime lost: %s (process %s) did not beat for %s s; how far the job got is not known',
                     r.host, r.pid, round(extract(epoch FROM now() - r.beat_at))) END, r.id, r.host, r.pid
  FROM moved m JOIN sluice.runtime r ON r.id = m.runtime),
unplanned AS (DELETE FROM sluice.schedule s USING moved m WHERE s.job_id = m.id),
held AS MATERIALIZED (
  SELECT n.id FROM named n WHERE n.id NOT IN (SELECT id FROM moved)
    AND EXISTS (SELECT FROM {outbox} o WHERE o.id = ANY (ARRAY[n.id]) AND {is_ours})),
kept AS (
  UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT, ids = ARRAY (SELECT i FROM unnest(c.ids) i WHERE i IN (SELECT id FROM held))
  FROM part s WHERE c.id = s.id AND s.ids && ARRAY (SELECT id FROM held) RETURNING 1),
closed AS (
  DELETE FROM sluice.claim c USING part s WHERE c.id = s.id AND NOT s.ids && ARRAY (SELECT id FROM held) RETURNING 1)
SELECT (SELECT count(*) FROM moved WHERE status = 'pending'), (SELECT count(*) FROM moved WHERE status = 'error'),
       (SELECT count(*) FROM closed)

-- name: halve_buried
-- Splits the first claim of a buried runtime in two. Returns the new claim, or null if the claim names only one job,
-- and that job. A claim with one job comes last from now on.
WITH first AS MATERIALIZED (
  SELECT c.id, c.runtime, c.pump, c.ids, cardinality(c.ids) / 2 AS half
  FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
  WHERE r.command = 'lost' ORDER BY c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED),
made AS (
  INSERT INTO sluice.claim (runtime, pump, ids) SELECT runtime, pump, ids[half + 1:] FROM first WHERE half > 0
  RETURNING id),
kept AS (
  UPDATE sluice.claim c SET ids = first.ids[:half] FROM first WHERE c.id = first.id AND half > 0 RETURNING 1),
last AS (
  UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT FROM first WHERE c.id = first.id AND half = 0 RETURNING 1)
SELECT (SELECT id FROM made), ids[1] FROM first

-- name: postpone
-- Puts off the schedule that is due first, because the database refuses to make its job pending.
UPDATE sluice.schedule s SET due = now() + interval '1 min' FROM (
  SELECT job_id FROM sluice.schedule WHERE due <= now() ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED) first
WHERE s.job_id = first.job_id RETURNING s.job_id

-- name: enlist
INSERT INTO sluice.runtime (host, pid, version, command, lease)
VALUES ($1, $2, $3, $4, make_interval(secs => $5::bigint / 1e6)) RETURNING id

-- name: serve
-- Parameters, arrays: types, plugins, the plugins' versions, attempts, whether they run at most once, schemas,
-- limits.
INSERT INTO sluice.job_type AS t (type, plugin, plugin_version, max_attempts, at_most_once, payload_schema, limits)
SELECT DISTINCT ON (type) * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bool[], $6::text[], $7::text[]::jsonb[])
  AS u (type, plugin, plugin_version, max_attempts, at_most_once, payload_schema, limits) ORDER BY type
ON CONFLICT (type) DO UPDATE SET plugin = excluded.plugin, plugin_version = excluded.plugin_version,
  max_attempts = excluded.max_attempts, at_most_once = excluded.at_most_once, payload_schema = excluded.payload_schema,
  limits = excluded.limits, seen_at = now()

-- name: lock_requested
-- Locks the requested jobs, so that the claims are up to date when the next statement reads them.
SELECT FROM {outbox} o WHERE o.id = ANY (ARRAY (SELECT job_id FROM sluice.cancel_request)) FOR NO KEY UPDATE SKIP LOCKED

-- name: requested
-- The jobs of runtime $1 whose cancellation was requested.
SELECT r.job_id FROM sluice.cancel_request r
WHERE EXISTS (SELECT FROM sluice.claim c WHERE c.runtime = $1::bigint AND r.job_id = ANY (c.ids))

-- name: tidy_records
-- Reads the next records of a table, and deletes those whose job no longer exists.
WITH page AS MATERIALIZED ({page}),
gone AS (DELETE FROM {records} s USING page p
  WHERE s.ctid = p.place AND NOT EXISTS (SELECT FROM {outbox} o WHERE o.id = p.job_id) RETURNING 1)
SELECT (SELECT count(*) FROM page), (SELECT max(key) FROM page), (SELECT count(*) FROM gone)

-- name: find_orphan_keys
-- A key may be reused for a new job at any moment, so it is locked first, and checked again under the lock.
WITH page AS MATERIALIZED ({page}),
orphans AS MATERIALIZED (
  SELECT k.key FROM page p, sluice.unique_key k WHERE k.ctid = p.place AND {is_orphan} FOR UPDATE OF k SKIP LOCKED)
SELECT (SELECT count(*) FROM page), (SELECT max(key) FROM page), (SELECT array_agg(key)::text FROM orphans)

-- name: delete_orphan_keys
DELETE FROM sluice.unique_key k WHERE k.key = ANY ($1::text[]) AND {is_orphan}

-- name: is_orphan
NOT EXISTS (SELECT FROM {outbox} o WHERE o.id = k.job_id)

-- name: beat
-- $2 and $3, in microseconds since 1970, identify the row's owner. They are null at a runtime's first beat.
UPDATE sluice.runtime SET beat_at = clock_timestamp()
WHERE id = $1::bigint AND ($2::bigint = 0 OR ((extract(epoch FROM started_at) * 1000000)::bigint = $2::bigint
  AND (extract(epoch FROM beat_at) * 1000000)::bigint >= $3::bigint))
RETURNING (extract(epoch FROM started_at) * 1000000)::bigint, (extract(epoch FROM beat_at) * 1000000)::bigint
