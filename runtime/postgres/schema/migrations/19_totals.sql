-- name: totals
-- Sums of sluice.minute: of each type by the hour, kept for 30 days, and of all types, as type '', by the minute and by
-- the hour. A trigger adds what is counted, in the same transaction, so that they are exact whenever they are read,
-- whichever version counts. The lock keeps two transactions, each of which inserts one row and updates another, from
-- waiting for each other. {waiting} and {running} are sums of histograms, {…_added} those of rows t and excluded. The
-- index finds the jobs of a code that few have.
CREATE INDEX attempt_code_idx ON sluice.attempt (code, job_id) WHERE code <> '';

CREATE TABLE sluice.total (
  minutes smallint NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  plugin_version text NOT NULL,
  outcome text NOT NULL,
  count bigint NOT NULL,
  busy interval NOT NULL,
  waiting bigint[] NOT NULL,
  running bigint[] NOT NULL,
  PRIMARY KEY (minutes, type, plugin_version, at, outcome))
  WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE sluice.total ALTER COLUMN waiting SET STORAGE PLAIN, ALTER COLUMN running SET STORAGE PLAIN;

CREATE FUNCTION sluice.add_to_totals() RETURNS trigger LANGUAGE plpgsql AS $add$
BEGIN
  IF NOT EXISTS (SELECT FROM counted) THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock(7598263422914291559);
  EXECUTE format($sum$
    INSERT INTO sluice.total AS t (minutes, at, type, plugin_version, outcome, count, busy, waiting, running)
    SELECT k.minutes, k.at, k.type, k.plugin_version, outcome, sum(sign * count), sum(sign * busy),
      {waiting}, {running}
    FROM (SELECT 1 AS sign, m.* FROM counted m %s) m,
      LATERAL (SELECT date_trunc('hour', minute AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour) h,
      LATERAL (VALUES (60, hour, m.type, m.plugin_version), (60, hour, '', ''), (1, minute, '', ''))
        k (minutes, at, type, plugin_version)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (minutes, at, type, plugin_version, outcome) DO UPDATE SET count = t.count + excluded.count,
      busy = t.busy + excluded.busy, waiting = {waiting_added}, running = {running_added}$sum$,
    CASE TG_OP WHEN 'UPDATE' THEN 'UNION ALL SELECT -1, m.* FROM replaced m' END);
  RETURN NULL;
END;
$add$;
REVOKE EXECUTE ON FUNCTION sluice.add_to_totals FROM PUBLIC;

CREATE TRIGGER sluice_totals_inserted AFTER INSERT ON sluice.minute
  REFERENCING NEW TABLE AS counted FOR EACH STATEMENT EXECUTE FUNCTION sluice.add_to_totals();
CREATE TRIGGER sluice_totals_updated AFTER UPDATE ON sluice.minute
  REFERENCING OLD TABLE AS replaced NEW TABLE AS counted FOR EACH STATEMENT EXECUTE FUNCTION sluice.add_to_totals();

-- The triggers hold a lock against those who count.
INSERT INTO sluice.total (minutes, at, type, plugin_version, outcome, count, busy, waiting, running)
SELECT k.minutes, k.at, k.type, k.plugin_version, outcome, sum(count), sum(busy), {waiting_before}, {running_before}
FROM (
  SELECT minute, type, plugin_version, outcome, count, busy, waiting, running FROM sluice.minute
  UNION ALL
  SELECT hour, type, plugin_version, outcome, count, busy, waiting, running FROM sluice.hour) m,
  LATERAL (SELECT date_trunc('hour', minute AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour) h,
  LATERAL (VALUES (60, hour, m.type, m.plugin_version), (60, hour, '', ''), (1, minute, '', ''))
    k (minutes, at, type, plugin_version)
WHERE k.at > now() - CASE k.minutes WHEN 60 THEN interval '30 days' ELSE interval '2 days' END
GROUP BY 1, 2, 3, 4, 5;
