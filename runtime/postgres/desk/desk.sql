-- name: depths
-- Counts the jobs that are not done, by type and status. $1: how many rows of each status are read at most. Returns
-- type, status, count and the age of the oldest in seconds, as a difference of epochs, because "createdAt" may be
-- infinite. As with the claims, the row comparison makes the index on (status, "createdAt") the only usable one.
SELECT type, status, count(*), date_part('epoch', now()) - date_part('epoch', min("createdAt")) FROM (
  (SELECT type, status, "createdAt" FROM {outbox} o WHERE (o.status, o."createdAt") >= ('pending', '-infinity'::timestamp) AND o.status <= 'pending' AND NOT {is_claimed}
   ORDER BY o.status, o."createdAt" LIMIT $1::bigint)
  UNION ALL
  (SELECT type, status, "createdAt" FROM {outbox} o
   WHERE (o.status, o."createdAt") >= ('scheduled', '-infinity'::timestamp) AND o.status <= 'scheduled'
   ORDER BY o.status, o."createdAt" LIMIT $1::bigint)
  UNION ALL
  (SELECT type, status, "createdAt" FROM {outbox} o
   WHERE (o.status, o."createdAt") >= ('processing', '-infinity'::timestamp) AND o.status <= 'processing'
   ORDER BY o.status, o."createdAt" LIMIT $1::bigint)
  UNION ALL
  (SELECT type, status, "createdAt" FROM {outbox} o
   WHERE (o.status, o."createdAt") >= ('error', '-infinity'::timestamp) AND o.status <= 'error'
   ORDER BY o.status, o."createdAt" LIMIT $1::bigint)
  UNION ALL
  (SELECT type, 'processing', "createdAt" FROM {outbox} o WHERE {claimed_rows} LIMIT $1::bigint)) waiting
GROUP BY type, status ORDER BY type, status

-- name: count_stuck
-- Walks over the oldest rows in processing, most of which some runtime holds.
SELECT count(*) FROM (
  SELECT o.id, o."updatedAt" FROM {outbox} o
  WHERE (o.status, o."createdAt") >= ('processing', '-infinity') AND o.status <= 'processing'
  ORDER BY o.status, o."createdAt" LIMIT 10000) o
WHERE o."updatedAt" < {ten_minutes_ago} AND o.id NOT IN (SELECT unnest(c.ids) FROM sluice.claim c)

-- name: oldest_age
-- The difference of epochs, not of timestamps, because "createdAt" may be infinite, and PostgreSQL refuses to subtract
-- that.
date_part('epoch', now()) - date_part('epoch', min("createdAt"))

-- name: count_jobs
SELECT type, {shown_status} AS shown, count(*), {oldest_age} FROM {outbox} o GROUP BY type, shown

-- name: count_types
-- For the first types, the jobs of those that have few. The order makes the index on type the only one that gives it.
WITH RECURSIVE t (type) AS (
  (SELECT o.type FROM {outbox} o ORDER BY o.type LIMIT 1)
  UNION ALL
  SELECT (SELECT o.type FROM {outbox} o WHERE o.type > t.type ORDER BY o.type LIMIT 1) FROM t WHERE t.type IS NOT NULL)
SELECT t.type, s.status, count(*), {oldest_age}
FROM (SELECT type FROM t WHERE type IS NOT NULL LIMIT {most_types}) t, LATERAL (
  SELECT {shown_status} AS status, o."createdAt" FROM {outbox} o
  WHERE o.type >= t.type AND o.type <= t.type ORDER BY o.type LIMIT {few}) s
GROUP BY t.type, s.status

-- name: statuses
WITH RECURSIVE s (status) AS (
  (SELECT o.status FROM {outbox} o ORDER BY o.status LIMIT 1)
  UNION ALL
  SELECT (SELECT o.status FROM {outbox} o WHERE o.status > s.status ORDER BY o.status LIMIT 1) FROM s
  WHERE s.status IS NOT NULL)
SELECT status FROM s WHERE status IS NOT NULL LIMIT {most_statuses}

-- name: has_index_on
SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a
  ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = to_regclass({outbox_literal}) AND i.indisvalid AND i.indpred IS NULL AND a.attname = {column})

-- name: missing_indexes
-- Regardless of their names, because the application's migrations create them.
SELECT w.columns, w.place
FROM unnest('{id,status createdAt,createdAt,type}'::text[]) WITH ORDINALITY AS w (columns, place)
WHERE NOT EXISTS (
  SELECT FROM pg_index i WHERE i.indrelid = {outbox_literal}::regclass AND i.indisvalid AND i.indpred IS NULL
    AND w.columns = (SELECT string_agg(a.attname, ' ' ORDER BY k.place)
                     FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place)
                     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number))
ORDER BY w.place

-- name: served_types
-- A runtime that is not alive serves nothing.
SELECT t.type, t.plugin, t.plugin_version, EXISTS (
  SELECT FROM sluice.runtime r WHERE t.type = ANY (r.types) AND {is_alive}), t.limits::text FROM sluice.job_type t

-- name: runtimes
SELECT r.id, r.host, r.pid, r.version, r.command, date_part('epoch', now() - r.started_at),
  date_part('epoch', now() - r.beat_at),
  (SELECT coalesce(sum(cardinality(c.ids)), 0) FROM sluice.claim c WHERE c.runtime = r.id), {is_alive}, r.settings::text
FROM sluice.runtime r ORDER BY r.id

-- name: count_runtimes
SELECT count(*) FILTER (WHERE {is_alive}), count(*) FROM sluice.runtime r
