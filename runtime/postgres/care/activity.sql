-- What runtimes publish about themselves.

-- name: write_plugins
-- Replaces the plugins that runtime $1 shows. Arrays: paths, names, versions, states, reasons, hosts, hosts wanted,
-- slots, restarts, types, limits (both arrays as text), canaries, ABIs, digests, figures of hosts.
WITH gone AS (DELETE FROM sluice.plugin WHERE runtime = $1 AND place > cardinality($2::text[]))
INSERT INTO sluice.plugin AS p (runtime, path, name, version, state, reason, hosts, hosts_wanted, slots, restarts, types, limits, canary, abi, digest, host_figures, place)
SELECT $1, path, name, version, state, reason, hosts, wanted, slots, restarts, types::text[], limits::text[], canary, abi, digest, figures::jsonb, place
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[], $9::int[], $10::int[], $11::text[],
            $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
  WITH ORDINALITY AS u (path, name, version, state, reason, hosts, wanted, slots, restarts, types, limits, canary, abi, digest,
    figures, place)
WHERE EXISTS (SELECT FROM sluice.runtime WHERE id = $1)
ON CONFLICT (runtime, place) DO UPDATE SET path = excluded.path, name = excluded.name, version = excluded.version,
  state = excluded.state, reason = excluded.reason, hosts = excluded.hosts, hosts_wanted = excluded.hosts_wanted,
  slots = excluded.slots, restarts = excluded.restarts, types = excluded.types,
  limits = excluded.limits, canary = excluded.canary, abi = excluded.abi, digest = excluded.digest,
  host_figures = excluded.host_figures,
  changed_at = CASE WHEN (p.path, p.version, p.state) = (excluded.path, excluded.version, excluded.state)
    THEN p.changed_at ELSE now() END

-- name: write_running
-- What changed among the running jobs of runtime $1; those of $2 have ended. Arrays: ids, types, attempts, plugins,
-- hosts, ages in seconds, fractions, notes.
WITH gone AS (DELETE FROM sluice.running WHERE runtime = $1 AND job_id = ANY ($2::text[]))
INSERT INTO sluice.running AS r (runtime, job_id, type, attempt, plugin, host_pid, started_at, fraction, note)
SELECT $1, id, type, attempt, plugin, host, now() - make_interval(secs => age), fraction, note
FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::float8[], $9::float8[], $10::text[])
  AS u (id, type, attempt, plugin, host, age, fraction, note)
WHERE EXISTS (SELECT FROM sluice.runtime WHERE id = $1)
ON CONFLICT (job_id, runtime) DO UPDATE SET attempt = excluded.attempt, plugin = excluded.plugin,
  host_pid = excluded.host_pid, started_at = excluded.started_at, fraction = excluded.fraction, note = excluded.note,
  at = now()

-- name: write_minutes
-- Adds to the outcomes of the current minute. Arrays: types, versions, outcomes, counts, the handlers' seconds, and
-- histograms of waiting and running times as texts. The order prevents deadlocks between runtimes.
INSERT INTO sluice.minute AS t (minute, type, plugin_version, outcome, count, busy, waiting, running)
SELECT date_trunc('minute', now()), type, version, outcome, count, make_interval(secs => busy), waiting::bigint[], running::bigint[]
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::float8[], $6::text[], $7::text[])
  AS u (type, version, outcome, count, busy, waiting, running) ORDER BY type, version, outcome
ON CONFLICT (minute, type, plugin_version, outcome) DO UPDATE SET {add_counts}

-- name: add_counts
-- Row `excluded` to row t of the same key.
count = t.count + excluded.count, busy = t.busy + excluded.busy,
  waiting = ARRAY (SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(t.waiting, excluded.waiting) WITH ORDINALITY AS u (x, y, n) ORDER BY n),
  running = ARRAY (SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(t.running, excluded.running) WITH ORDINALITY AS u (x, y, n) ORDER BY n)

-- name: delete_old_minutes
-- Their sums by the hour stay.
DELETE FROM sluice.minute WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.minute WHERE minute < date_trunc('hour', now() - interval '2 days') ORDER BY minute LIMIT $1 FOR UPDATE SKIP LOCKED))

-- name: delete_old_minute_totals
DELETE FROM sluice.total WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.total WHERE minutes = 1 AND type = '' AND plugin_version = '' AND at < date_trunc('hour', now() - interval '2 days')
  LIMIT $1 FOR UPDATE SKIP LOCKED))

-- name: delete_old_hour_totals
DELETE FROM sluice.total WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.total WHERE minutes = 60 AND at < now() - interval '30 days' LIMIT $1 FOR UPDATE SKIP LOCKED))

-- name: delete_old_hours
-- Runtimes of earlier versions move minutes there.
DELETE FROM sluice.hour WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.hour WHERE hour < now() - interval '30 days' ORDER BY hour LIMIT $1 FOR UPDATE SKIP LOCKED))

-- name: write_traces
-- Keeps for $2 seconds that runtime $1 ran these jobs. There is one row per batch, because a row per job would cost as
-- much as the job. Arrays: ids, attempts, hosts, seconds since the end, seconds that the attempt took.
INSERT INTO sluice.trace (keep_until, runtime, host, pid, job_ids, attempts, host_pids, ended_at, took)
SELECT now() + make_interval(secs => $2::float8), r.id, r.host, r.pid, $3::text[], $4::int[], $5::int[],
  ARRAY(SELECT now() - make_interval(secs => age) FROM unnest($6::float8[]) WITH ORDINALITY u (age, place) ORDER BY place),
  $7::float4[]
FROM sluice.runtime r WHERE r.id = $1

-- name: delete_old_traces
DELETE FROM sluice.trace WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.trace WHERE keep_until < now() ORDER BY keep_until LIMIT $1 FOR UPDATE SKIP LOCKED))

-- name: read_plugins
SELECT runtime, path, name, version, state, reason, hosts, hosts_wanted, slots, restarts, types, limits, canary,
  date_part('epoch', now() - changed_at), abi, digest, host_figures::text
FROM sluice.plugin ORDER BY runtime, place

-- name: running_columns
r.job_id, r.type, r.attempt, r.plugin, r.host_pid, date_part('epoch', now() - r.started_at), r.fraction, r.note, r.runtime

-- name: read_running
-- A row may outlive its job by a second.
SELECT {running_columns} FROM sluice.running r
JOIN {outbox} o ON o.id = r.job_id AND o.status = 'processing' AND o.attempts = r.attempt
ORDER BY r.started_at, r.job_id LIMIT {most_running}

-- name: read_running_job
SELECT {running_columns} FROM sluice.running r WHERE r.job_id = $1::text ORDER BY r.attempt DESC, r.at DESC LIMIT 1

-- name: read_throughput
-- Of the last $1 seconds. A minute that lies partly in them counts in proportion. Runtimes of earlier versions write
-- sluice.throughput.
SELECT type, sum(done * share), sum(retrying * share), sum(failed * share), sum(snoozed * share), sum(busy * share)
FROM (
  SELECT type, done, retrying, failed, snoozed, busy,
    least(1, date_part('epoch', minute + interval '1 min' - (now() - make_interval(secs => $1::float8))) / 60) AS share
  FROM (
    SELECT minute, type, CASE outcome WHEN 'done' THEN count ELSE 0 END AS done,
      CASE outcome WHEN 'retrying' THEN count ELSE 0 END AS retrying, CASE outcome WHEN 'failed' THEN count ELSE 0 END AS failed,
      CASE outcome WHEN 'snoozed' THEN count ELSE 0 END AS snoozed, date_part('epoch', busy) AS busy
    FROM sluice.minute WHERE minute > now() - make_interval(secs => least($1::float8, 172800)) - interval '1 min'
    UNION ALL
    SELECT minute, type, done, retrying, failed, snoozed, date_part('epoch', busy)
    FROM sluice.throughput WHERE minute > now() - make_interval(secs => $1::float8) - interval '1 min') AS m) AS t
GROUP BY type ORDER BY type

-- name: delete_old_throughput
DELETE FROM sluice.throughput WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.throughput WHERE minute < now() - interval '2 days' ORDER BY minute LIMIT $1 FOR UPDATE SKIP LOCKED))

-- name: delete_old_audit
-- Of more than $2 microseconds ago.
DELETE FROM sluice.audit WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM sluice.audit WHERE at < now() - make_interval(secs => $2::bigint / 1e6) ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED))
