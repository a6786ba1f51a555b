-- What a dashboard asks. Each statement is limited by the settings of its transaction.

-- name: insight_settings
-- After those of the pumps. The order by id within one "createdAt" needs an incremental sort.
SET LOCAL enable_incremental_sort = on; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL lock_timeout = '1s';
SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = {limit}

-- name: series
-- Outcomes by {key} and kind. $1: a type, or null. {waiting} and {running} are sums of histograms.
SELECT {key}, outcome, sum(count), date_part('epoch', sum(busy)), {waiting}, {running}
FROM (
  SELECT minute AS at, type, outcome, count, busy, waiting, running FROM sluice.minute WHERE minute >= {from} AND minute < {to}
  UNION ALL
  SELECT hour, type, outcome, count, busy, waiting, running FROM sluice.hour WHERE hour >= {from} AND hour < {to}) m
WHERE $1::text IS NULL OR type = $1::text
GROUP BY 1, 2

-- name: paused_types
SELECT type, {at}, actor, reason FROM sluice.paused

-- name: failures
-- The newest failed attempts of a period, of which {most} are read, as groups of the same words apart from digits. Each
-- row also has how many were read and when the oldest of them was.
WITH looked AS MATERIALIZED (
  SELECT a.id, a.type, a.result, a.code, translate(left(split_part(a.error, E'\n', 1), 300), '123456789', '000000000') AS words,
    left(split_part(a.stack, E'\n', 2), 300) AS frame, a.plugin_version, a.at
  FROM sluice.attempt a WHERE a.at >= {from} AND a.at < {to} ORDER BY a.at DESC LIMIT {most}),
extent AS MATERIALIZED (SELECT count(*) AS attempts, min(at) AS oldest FROM looked),
alike AS MATERIALIZED (
  SELECT type, code, frame, count(*) AS attempts, min(at) AS first, max(at) AS last, max(id) AS newest,
    array_agg(DISTINCT plugin_version) FILTER (WHERE plugin_version <> '') AS versions
  FROM looked WHERE result <> 'cancelled' GROUP BY type, code, words, frame)
SELECT a.type, a.code, left(split_part(n.error, E'\n', 1), 300), a.frame, a.attempts, {first}, {last}, a.versions, n.job_id,
  e.attempts, {oldest}
FROM extent e LEFT JOIN alike a ON true LEFT JOIN sluice.attempt n ON n.id = a.newest

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
