-- name: mark
-- Makes claimed rows `processing` that are pending, and counts the attempt; waits for no row. Parameters: ids, claims
-- and times of creation, and the claims of which all jobs are marked then. Returns the numbers, from 1 on, of the jobs
-- that it marked, and their places.
--
-- Rows that the application wrote meanwhile have moved, so they are found by their id. Locked rows are left for the
-- next time.
WITH live AS MATERIALIZED (
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
SELECT n, place FROM marked

-- name: finish_in_place
-- Marks rows done where their claim left them, and deletes used-up claims. Parameters: places (tid), ids, claims and
-- attempts of the settlements, the closing claims, the other claims that settlements name. Returns how many settlements
-- applied and, if these are fewer than were given, their numbers from 1 on. In that case no claim is deleted, because
-- rows may have moved, and the next statement finds them.
--
-- The claims that settlements name are protected only against a rescue, which deletes them. Committing a job's
-- follow-up jobs and effects may take time, while other jobs of the same claim are written.
--
-- A row is where its claim found it, unless another session wrote it meanwhile. An id that the claim names no more was
-- given back. IS TRUE makes IN a hash look-up. A join would look up the table's size for each row, and carry all of the
-- claims' ids along, in case the row was changed meanwhile and had to be joined again.
WITH live AS MATERIALIZED (
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
  THEN ARRAY (SELECT n FROM asked WHERE ((id, attempt) IN (SELECT id, attempts FROM finished)) IS TRUE) END FROM finished

-- name: finish
-- Marks rows done wherever they are, unless a later claim names them, and deletes used-up claims. Parameters: ids and
-- claims of the settlements, the closing claims, the other claims, and the times of creation. Returns the numbers, from
-- 1 on, of those that applied, and of those that are ours and on which the update had no effect. The claims of the
-- latter stay.
WITH live AS MATERIALIZED (
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
SELECT (SELECT array_agg(n) FROM finished), (SELECT array_agg(n) FROM kept)

-- name: settle
-- Writes settlements that are not simply "done"; waits for no row. Parameters: closing claims, and arrays: ids, claims,
-- attempts, statuses, refunds, delays (microseconds or null), types, results, codes, errors, log tails, outputs (JSON
-- or null), durations (microseconds), places (tid), ids as the claims name them, times of creation, stacks, plugins, their
-- versions and build ids, the hosts' seconds of CPU time and bytes of memory (both may be null). Returns the numbers
-- of those that applied, of those whose row is locked, and of those on which the update had no effect, null if there
-- are none. Deletes no claim.
--
-- A claim that stays forgets the ids that were settled here, so it never names a job that was given back and then
-- claimed by another runtime. Locked rows are reported and left alone. A row that is given back and was never marked is
-- not written.
WITH live AS MATERIALIZED (
  SELECT id, ids, runtime FROM sluice.claim WHERE id = ANY ($3::bigint[]) FOR KEY SHARE),
ours AS MATERIALIZED (
  SELECT f.*, live.runtime, o.ctid AS at,
         f.result = 'released' AND o.status IS NOT DISTINCT FROM 'pending' AS untouched
  FROM unnest($2::text[], $3::bigint[], $4::int[], $5::text[], $6::bool[], $7::bigint[], $8::text[],
              $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::tid[],
              $16::text[], $17::float8[], $18::text[], $19::text[], $20::text[], $21::text[], $22::float8[], $23::bigint[])
    WITH ORDINALITY
    AS f (id, claim, attempt, status, refund, delay, type, result, code, error, log_tail, output, duration, place,
          claimed_as, created, stack, plugin, plugin_version, build_id, cpu_seconds, peak_memory, n)
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
  INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, log_tail, stack, duration, runtime, host, pid,
                              plugin, plugin_version, build_id, cpu_seconds, peak_memory)
  SELECT m.id, m.attempt, m.type, m.result, m.code, m.error, m.log_tail, m.stack,
         make_interval(secs => m.duration / 1e6), r.id, r.host, r.pid,
         m.plugin, m.plugin_version, m.build_id, m.cpu_seconds, m.peak_memory
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
       (SELECT array_agg(n) FROM free WHERE n NOT IN (SELECT n FROM moved))

-- name: hold
-- Locks the rows of settlements until the transaction ends, and protects their claims; waits for no row. Parameters:
-- ids, claims, ids as the claims name them, and times of creation. Returns the numbers, from 1 on, of those that it
-- locked and of those whose row is locked by another session, null if there are none, and a third null.
WITH live AS MATERIALIZED (
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
       (SELECT array_agg(n) FROM ours WHERE n NOT IN (SELECT n FROM free)), NULL

-- name: renamed
-- Finds the rows of jobs whose id was changed while they ran. Parameters, arrays: ids, attempts, types and times of
-- creation as from cursor_text(). Returns, for each that was found, its number from 1 on, the new id, and whether
-- several rows match.
--
-- Such a row is in processing as its claim left it, has the job's time of creation, and no claim names it.
WITH lost AS MATERIALIZED (
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
SELECT l.n, f.id, f.doubtful FROM lost l JOIN found f USING (type, created, attempt, k)

-- name: forget
-- Takes the ids $2 out of the claims $1.
UPDATE sluice.claim c SET ids = ARRAY (SELECT i FROM unnest(c.ids) i WHERE i <> ALL ($2::text[]))
WHERE c.id = ANY ($1::bigint[]) AND c.ids && $2::text[]

-- name: surrender
-- Deletes the claims $1, all of one runtime, of which no job is open. The others go to a copy of its row with command
-- 'lost', like those of a dead runtime, and under new ids. The copy's lease of zero says that outcomes were lost, and not
-- the runtime.
WITH kept AS MATERIALIZED (
  SELECT c.id, c.runtime FROM sluice.claim c
  WHERE c.id = ANY ($1::bigint[])
    AND EXISTS (SELECT FROM unnest(c.ids) i, {outbox} o WHERE o.id = ANY (ARRAY[i]) AND {is_ours})),
lost AS (
  INSERT INTO sluice.runtime (host, pid, version, command, started_at, beat_at, lease)
  SELECT host, pid, version, 'lost', started_at, beat_at, interval '0' FROM sluice.runtime
  WHERE id = (SELECT max(runtime) FROM kept)
  RETURNING id),
moved AS (
  UPDATE sluice.claim c SET id = DEFAULT, xid = DEFAULT, runtime = lost.id FROM lost, kept WHERE c.id = kept.id)
DELETE FROM sluice.claim WHERE id = ANY ($1::bigint[]) AND id NOT IN (SELECT id FROM kept)

-- name: close
-- Deletes claims that are used up.
DELETE FROM sluice.claim WHERE id = ANY ($1::bigint[])
