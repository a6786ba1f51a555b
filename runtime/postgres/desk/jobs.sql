-- Questions of commands about jobs, and changes to jobs.

-- name: summary_joins
-- For a job o, its schedule s and its last failed attempt a. "+ 0" prevents a backward walk through all attempts, which
-- ends only if the job has one.
LEFT JOIN sluice.schedule s ON s.job_id = o.id AND s.status = o.status
LEFT JOIN LATERAL (SELECT * FROM sluice.attempt f WHERE f.job_id = o.id ORDER BY f.id + 0 DESC LIMIT 1) a ON true

-- name: last_code
-- Of job o. As in `summary_joins`.
(SELECT a.code FROM sluice.attempt a WHERE a.job_id = o.id ORDER BY a.id + 0 DESC LIMIT 1)

-- name: show
-- Parameter: an id. Returns the columns of the list, then payload, output, the type's plugin, the plugin's version, and
-- the type's most attempts.
SELECT {columns},
  o.payload, u.output::text, t.plugin, t.plugin_version, t.max_attempts
FROM (SELECT o.id, o.type, {shown_status} AS status, o.attempts, o."createdAt", o."updatedAt", o.payload::text AS payload
      FROM {outbox} o WHERE o.id = $1::text) o
{summary_joins}
LEFT JOIN sluice.output u ON u.job_id = o.id
LEFT JOIN sluice.job_type t ON t.type = o.type

-- name: attempts
-- Parameter: an id. Returns number, result, code, error, log tail, duration, host, pid, runtime, time (twice), stack,
-- plugin, its version and build id, CPU time and memory of its failed attempts, oldest first.
SELECT attempt, result, code, error, log_tail, date_part('epoch', duration), host, pid, runtime, {at}, stack,
  plugin, plugin_version, build_id, cpu_seconds, peak_memory
FROM sluice.attempt WHERE job_id = $1::text ORDER BY id

-- name: follow_ups
-- Of job $1, at most $2: id, type and status, null if the job was deleted.
SELECT f.job_id, o.type, {shown_status} FROM sluice.follow_up f LEFT JOIN {outbox} o ON o.id = f.job_id
WHERE f.parent = $1::text ORDER BY f.at, f.job_id LIMIT $2::bigint

-- name: parents
-- The same of the jobs whose follow-up it is.
SELECT f.parent, o.type, {shown_status} FROM sluice.follow_up f LEFT JOIN {outbox} o ON o.id = f.parent
WHERE f.job_id = $1::text ORDER BY f.at, f.parent LIMIT $2::bigint

-- name: trace
-- For job $1, who ran it to its end.
SELECT u.attempt, t.runtime, t.host, t.pid, u.host_pid, {ended_at}, u.took
FROM {outbox} o, sluice.trace t,
  unnest(t.job_ids, t.attempts, t.host_pids, t.ended_at, t.took) AS u (id, attempt, host_pid, ended_at, took)
WHERE o.id = $1::text AND t.job_ids @> ARRAY[$1::text] AND u.id = $1::text{near}
ORDER BY t.written_at DESC LIMIT 1

-- name: trace_near
-- Only within a minute of the row's last change.

  AND t.written_at BETWEEN (o."updatedAt" AT TIME ZONE 'UTC') - interval '1 min'
                       AND (o."updatedAt" AT TIME ZONE 'UTC') + interval '1 min'

-- name: foreign_jobs
-- How many jobs are in processing that no claim names and that are not stuck yet; at most 1000.
SELECT count(*) FROM (SELECT FROM {outbox} o WHERE {is_unclaimed} AND o."updatedAt" >= {ten_minutes_ago} LIMIT 1000) AS found

-- name: state
-- Parameter: ids. Returns, in their order, id, status, whether it is scheduled, seconds since it was written, runtime,
-- host, pid and liveness of its holder, and whether its cancellation is requested.
SELECT a.id, CASE WHEN o.status = 'pending' AND h.id IS NOT NULL THEN 'processing' ELSE o.status END,
  s.job_id IS NOT NULL,
  date_part('epoch', now()) - date_part('epoch', o."updatedAt"), h.id, h.host, h.pid, h.live,
  EXISTS (SELECT FROM sluice.cancel_request q WHERE q.job_id = a.id)
FROM unnest($1::text[]) WITH ORDINALITY AS a (id, place)
LEFT JOIN {outbox} o ON o.id = a.id
LEFT JOIN sluice.schedule s ON s.job_id = o.id AND s.status = o.status
LEFT JOIN LATERAL (
  SELECT r.id, r.host, r.pid, {is_alive} AS live
  FROM sluice.claim c JOIN sluice.runtime r ON r.id = c.runtime
  WHERE (o.status = 'processing' OR o.status = 'pending' AND NOT c.marked) AND o.id = ANY (c.ids)
  ORDER BY live DESC LIMIT 1) h ON true
ORDER BY a.place

-- name: lock_jobs
-- Locks the rows of the jobs $1 until the transaction ends. What the next statement reads about their claims stays true
-- until then, because claims also lock rows until they are recorded.
SELECT FROM {outbox} o WHERE o.id = ANY ($1::text[]) FOR NO KEY UPDATE

-- name: retry
-- Parameter: ids, like that of the next two statements. They return the ids of the jobs that they changed.
WITH changed AS (
  UPDATE {outbox} o SET status = 'pending', "updatedAt" = {now}
  WHERE o.id = ANY ($1::text[]) AND (o.status IN ('error', 'scheduled') OR {is_abandoned}) RETURNING o.id),
{forget_plans}
SELECT id FROM changed

-- name: cancel
WITH changed AS (
  UPDATE {outbox} o SET status = 'error', "updatedAt" = {now}
  WHERE o.id = ANY ($1::text[]) AND ({is_waiting} OR {is_abandoned}) RETURNING o.id, o.type, o.attempts),
{note_cancelled},
{forget_plans}
SELECT id FROM changed

-- name: remove
WITH changed AS (
  DELETE FROM {outbox} o WHERE o.id = ANY ($1::text[]) AND (o.status <> 'processing' AND NOT {is_claimed} OR {is_abandoned})
  RETURNING o.id),
{forget_all}
SELECT id FROM changed

-- name: request_cancel
-- Records that the jobs $1 are to be cancelled, if a live runtime has them.
INSERT INTO sluice.cancel_request AS r (job_id)
SELECT o.id FROM {outbox} o WHERE o.id = ANY ($1::text[]) AND o.status IN ('pending', 'processing') AND o.id IN {live_ids}
ON CONFLICT (job_id) DO UPDATE SET at = now() RETURNING r.job_id

-- name: end_requested
-- Ends, as cancelled by hand, the jobs whose cancellation was requested and that no runtime runs now. For the
-- caretaker.
WITH changed AS (
  UPDATE {outbox} o SET status = 'error', "updatedAt" = {now} FROM (
    SELECT o.ctid AS place FROM sluice.cancel_request r, {outbox} o WHERE o.id = ANY (ARRAY[r.job_id]) AND {is_waiting}
    FOR NO KEY UPDATE OF o SKIP LOCKED) p
  WHERE o.ctid = p.place RETURNING o.id, o.type, o.attempts),
{note_cancelled},
unplanned AS (DELETE FROM sluice.schedule s USING changed c WHERE s.job_id = c.id)
DELETE FROM sluice.cancel_request r
WHERE NOT EXISTS (SELECT FROM {outbox} o WHERE o.id = r.job_id AND (o.status IN ('pending', 'processing') OR {is_waiting}))
  OR r.job_id IN (SELECT id FROM changed)

-- name: walk_begin
-- When a walk begins, as "updatedAt" tells it. The column rounds to milliseconds, up or down. What was written before is
-- at most one millisecond after the current one, and what is written after the pause is at least two.
SELECT (date_trunc('milliseconds', clock_timestamp()) AT TIME ZONE 'UTC' + interval '2 ms')::text, pg_sleep(0.002)

-- name: next_rows
-- The next rows of a walk over the jobs of one status. Parameters: its position ("createdAt") and when it began. The walk
-- leaves out what was written since it began; a time in the future is another clock's.
SELECT o.ctid AS tid, o.id, o."createdAt" FROM {outbox} o
  WHERE (o.status, o."createdAt") >= ({status}, $1::timestamp) AND o.status <= {status}
    AND NOT (o."updatedAt" >= $2::timestamp AND o."updatedAt" <= {now} + interval '1 ms'){rest}
  ORDER BY o.status, o."createdAt" LIMIT {limit}
  FOR {lock} SKIP LOCKED

-- name: change_batch
-- Changes the next rows. Returns how many rows were read, the last one's "createdAt", and how many were changed.
WITH picked AS MATERIALIZED (
  {next_rows}),
changed AS ({change} WHERE o.ctid = p.tid RETURNING o.id, o.type, o.attempts),
{forgotten}
SELECT count(*), max("createdAt")::text, (SELECT count(*) FROM changed) FROM picked

-- name: read_batch
-- Locks the next rows, behind place $3. Returns each one's id, "createdAt", and its last failed attempt's error and frame.
WITH picked AS MATERIALIZED (
  {next_rows})
SELECT p.id, p."createdAt"::text, {words}, {frame}, p.tid::text
FROM picked p LEFT JOIN LATERAL (
  SELECT f.error, f.stack FROM sluice.attempt f WHERE f.job_id = p.id ORDER BY f.id + 0 DESC LIMIT 1) a ON true
ORDER BY p."createdAt", p.tid

-- name: change_read
-- Changes those of the locked rows that $1 names. Returns how many.
WITH picked AS MATERIALIZED (SELECT o.ctid AS tid FROM {outbox} o WHERE o.id = ANY ($1::text[])),
changed AS ({change} WHERE o.ctid = p.tid RETURNING o.id, o.type, o.attempts),
{forgotten}
SELECT count(*) FROM changed

-- name: give_up_picked
UPDATE {outbox} o SET status = 'error', "updatedAt" = {now} FROM picked p

-- name: note_and_forget_plans
{note_cancelled},
{forget_plans}

-- name: retry_picked
UPDATE {outbox} o SET status = 'pending', "updatedAt" = {now} FROM picked p

-- name: remove_picked
DELETE FROM {outbox} o USING picked p

-- name: forget_plans
-- Deletes the schedules of the jobs `changed`.
unplanned AS (DELETE FROM sluice.schedule s USING changed c WHERE s.job_id = c.id),
unrequested AS (DELETE FROM sluice.cancel_request r USING changed c WHERE r.job_id = c.id)

-- name: forget_all
-- Deletes everything that is recorded about them.
unrecorded AS (DELETE FROM sluice.attempt a USING changed c WHERE a.job_id = c.id),
unkept AS (DELETE FROM sluice.output u USING changed c WHERE u.job_id = c.id),
unrelated AS (DELETE FROM sluice.follow_up f USING changed c WHERE f.job_id = c.id),
{forget_plans}

-- name: note_cancelled
noted AS (INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error)
  SELECT id, attempts, type, 'cancelled', 'cancelled-by-hand', 'cancelled by hand while it waited' FROM changed)
