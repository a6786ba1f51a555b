-- What a dashboard asks. Each statement is limited by the settings of its transaction.

-- name: insight_settings
-- After those of the pumps. The order by id within one "createdAt" needs an incremental sort.
SET LOCAL enable_incremental_sort = on; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL lock_timeout = '1s';
SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = {limit}

-- name: series
-- Outcomes by {key} and kind, of the rows {rows}. {waiting} and {running} are sums of histograms.
SELECT {key}, outcome, sum(count), date_part('epoch', sum(busy)), {waiting}, {running} FROM ({rows}) m GROUP BY 1, 2

-- name: outcome_columns
type, plugin_version, outcome, count, busy, waiting, running

-- name: minutes_of_types
-- Each type's.
SELECT minute AS at, {outcome_columns} FROM sluice.minute WHERE minute >= {from} AND minute < {to}

-- name: minutes_of_type
-- $1: a type.
{minutes_of_types} AND type = $1::text

-- name: sums_of_type
-- By {unit} minutes. $1: a type, or an empty text for the sum of all types.
SELECT at, {outcome_columns} FROM sluice.total WHERE minutes = {unit} AND type = $1::text AND at >= {from} AND at < {to}

-- name: last_hour
-- What ended in the last hour, by type, version, and how many minutes ago.
SELECT type, plugin_version, (floor(date_part('epoch', now()) / 60) - floor(date_part('epoch', minute) / 60))::int,
  coalesce(sum(count) FILTER (WHERE outcome = 'done'), 0), coalesce(sum(count) FILTER (WHERE outcome = 'retrying'), 0),
  coalesce(sum(count) FILTER (WHERE outcome = 'failed'), 0), date_part('epoch', min(minute)), date_part('epoch', max(minute))
FROM sluice.minute WHERE minute > date_trunc('minute', now()) - interval '1 hour' GROUP BY 1, 2, 3

-- name: versions
-- The same for the versions of type $1, of a longer time.
SELECT $1::text, plugin_version, 0,
  coalesce(sum(count) FILTER (WHERE outcome = 'done'), 0), coalesce(sum(count) FILTER (WHERE outcome = 'retrying'), 0),
  coalesce(sum(count) FILTER (WHERE outcome = 'failed'), 0), date_part('epoch', min(at)), date_part('epoch', max(at))
FROM ({rows}) m GROUP BY 2

-- name: serving
-- Which plugins serve each type, and in how many live runtimes.
SELECT t.type, p.name, p.version, count(*) FROM sluice.plugin p JOIN sluice.runtime r ON r.id = p.runtime, unnest(p.types) AS t (type)
WHERE t.type = ANY (r.types) AND {is_alive} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: type_schema
SELECT payload_schema FROM sluice.job_type WHERE type = $1::text

-- name: marks_by_hand
-- What was done by hand that may change outcomes, newest first.
SELECT date_part('epoch', at), coalesce(filter->>'what', action), coalesce(filter->>'type', 'runtimes ' || (filter->>'runtimes'), '')
FROM sluice.audit WHERE at >= {from} AND at < {to} AND action IN ('reload', 'drain', 'pause', 'resume')
ORDER BY at DESC LIMIT {most}

-- name: marks_of_versions
-- Versions that began while another one of their type had run, newest first. A version that ran in the equally long time
-- before, from the hour of {before} on, did not begin. The versions are found one after the other, each by one step into an
-- index, then the first hour of each, and then its first minute, unless that is no longer kept.
WITH RECURSIVE ran (type, plugin_version) AS (
  (SELECT type, plugin_version FROM sluice.total WHERE minutes = 60 AND type > '' ORDER BY type, plugin_version LIMIT 1)
  UNION ALL
  SELECT n.type, n.plugin_version FROM ran r, LATERAL (
    SELECT t.type, t.plugin_version FROM sluice.total t
    WHERE t.minutes = 60 AND (t.type, t.plugin_version) > (r.type, r.plugin_version)
    ORDER BY t.type, t.plugin_version LIMIT 1) n),
seen AS MATERIALIZED (
  SELECT r.type, r.plugin_version, coalesce(m.minute, h.at) AS first
  FROM ran r, LATERAL (
    SELECT t.at FROM sluice.total t
    WHERE t.minutes = 60 AND t.type = r.type AND t.plugin_version = r.plugin_version
      AND t.at > {before} - interval '1 hour' AND t.at < {to}
    ORDER BY t.at LIMIT 1) h
  LEFT JOIN LATERAL (
    SELECT m.minute FROM sluice.minute m
    WHERE m.minute >= h.at AND m.minute < h.at + interval '1 hour' AND m.type = r.type AND m.plugin_version = r.plugin_version
    ORDER BY m.minute LIMIT 1) m ON true
  WHERE r.plugin_version <> '')
SELECT date_part('epoch', s.first), s.plugin_version, array_agg(s.type ORDER BY s.type) FROM seen s
WHERE s.first >= {from} AND s.first < {to}
  AND EXISTS (SELECT FROM seen o WHERE o.type = s.type AND o.plugin_version <> s.plugin_version AND o.first < s.first)
GROUP BY 1, 2 ORDER BY 1 DESC LIMIT {most}

-- name: paused_types
SELECT type, {at}, actor, reason FROM sluice.paused

-- name: failures
-- The newest failed attempts of a period, of which {most} are read, as groups of the same words apart from digits. Each
-- row also has how many were read and when the oldest of them was. To replace digits costs more than all else, so what is
-- the same is put together before.
WITH looked AS MATERIALIZED (
  SELECT a.id, a.type, a.result, a.code, {first_line} AS line, {frame} AS frame, a.plugin_version, a.at
  FROM sluice.attempt a WHERE a.at >= {from} AND a.at < {to} ORDER BY a.at DESC LIMIT {most}),
extent AS MATERIALIZED (SELECT count(*) AS attempts, min(at) AS oldest FROM looked),
same AS MATERIALIZED (
  SELECT type, code, line, frame, plugin_version, count(*) AS attempts, min(at) AS first, max(at) AS last, max(id) AS newest
  FROM looked WHERE result <> 'cancelled' GROUP BY type, code, line, frame, plugin_version),
alike AS MATERIALIZED (
  SELECT type, code, frame, sum(attempts)::bigint AS attempts, min(first) AS first, max(last) AS last, max(newest) AS newest,
    array_agg(DISTINCT plugin_version) FILTER (WHERE plugin_version <> '') AS versions
  FROM same GROUP BY type, code, translate(line, '123456789', '000000000'), frame)
SELECT a.type, a.code, left(split_part(n.error, E'\n', 1), 300), a.frame, a.attempts, {first}, {last}, a.versions, n.job_id,
  e.attempts, {oldest}
FROM extent e LEFT JOIN alike a ON true LEFT JOIN sluice.attempt n ON n.id = a.newest

-- name: group_jobs
-- The newest jobs in error, of which {most} are read: those of type $1 whose last failed attempt has code $2, by its words.
-- Each row also has how many were read and when the oldest of them was created.
WITH looked AS MATERIALIZED (
  SELECT o.id, o.type, o."createdAt" FROM {outbox} o
  WHERE (o.status, o."createdAt") <= ('error', 'infinity'::timestamp) AND o.status >= 'error'
  ORDER BY o.status DESC, o."createdAt" DESC LIMIT {most}),
extent AS MATERIALIZED (SELECT count(*) AS jobs, min("createdAt") AS oldest FROM looked),
alike AS MATERIALIZED (
  SELECT {words} AS words, {frame} AS frame, s.job_id IS NOT NULL AS planned, count(*) AS jobs
  FROM looked o
  JOIN LATERAL (SELECT f.code, f.result, f.error, f.stack FROM sluice.attempt f WHERE f.job_id = o.id
                ORDER BY f.id + 0 DESC LIMIT 1) a ON true
  LEFT JOIN sluice.schedule s ON s.job_id = o.id AND s.status = 'error'
  WHERE o.type = $1::text AND a.code = $2::text AND a.result <> 'cancelled' GROUP BY 1, 2, 3)
SELECT a.words, a.frame, a.planned, a.jobs, e.jobs, {oldest} FROM extent e LEFT JOIN alike a ON true

-- name: audit_page
-- The newest {most} rows before $1, or the newest ones.
SELECT id, {at}, actor, role, source, action, filter::text, ids, affected, over FROM sluice.audit
WHERE id < coalesce($1::bigint, 9223372036854775807) ORDER BY id DESC LIMIT {most}

-- name: database_state
SELECT current_setting('server_version'),
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  coalesce(s.n_live_tup, 0), coalesce(s.n_dead_tup, 0),
  {last_vacuum},
  pg_table_size(c.oid), pg_indexes_size(c.oid),
  (SELECT coalesce(sum(pg_total_relation_size(t.oid)), 0) FROM pg_class t WHERE t.relnamespace = to_regnamespace('sluice') AND t.relkind = 'r'),
  pg_database_size(current_database()), pg_notification_queue_usage(),
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), current_setting('max_connections')::bigint
FROM pg_class c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.oid = to_regclass({outbox_literal})

-- name: last_vacuum
(greatest(s.last_vacuum, s.last_autovacuum) AT TIME ZONE 'UTC')

-- name: snapshot_holders
-- What keeps vacuum from removing dead rows, oldest first: kind, name, seconds since its transaction began, and the
-- number of transactions since.
SELECT * FROM (
  SELECT 'session' AS kind, format('process %s (user %s%s%s)', a.pid, a.usename,
      CASE WHEN a.application_name <> '' THEN ', ' || a.application_name END, ', ' || a.state) AS name,
    date_part('epoch', clock_timestamp() - a.xact_start) AS age, age(coalesce(a.backend_xmin, a.backend_xid))::bigint AS xids
  FROM pg_stat_activity a
  WHERE a.pid <> pg_backend_pid() AND coalesce(a.backend_xmin, a.backend_xid) IS NOT NULL
    AND (a.datname = current_database() OR a.datname IS NULL)
  UNION ALL
  SELECT 'prepared transaction', format('%s (user %s)', p.gid, p.owner), date_part('epoch', clock_timestamp() - p.prepared),
    age(p.transaction)::bigint
  FROM pg_prepared_xacts p WHERE p.database = current_database()
  UNION ALL
  SELECT 'replication slot', r.slot_name, NULL, greatest(age(r.xmin), age(r.catalog_xmin))::bigint
  FROM pg_replication_slots r WHERE coalesce(r.xmin, r.catalog_xmin) IS NOT NULL) AS h
ORDER BY xids DESC LIMIT 10
