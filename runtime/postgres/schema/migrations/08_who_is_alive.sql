-- name: who_is_alive
ALTER TABLE sluice.runtime ADD COLUMN lease interval NOT NULL DEFAULT '30 s';
CREATE FUNCTION sluice.is_alive(beat_at timestamptz, lease interval) RETURNS boolean
LANGUAGE sql STABLE AS $alive$ SELECT beat_at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) lease) $alive$;
CREATE OR REPLACE FUNCTION sluice.set_wake() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $wake$
BEGIN
  PERFORM pg_advisory_xact_lock(7598263422914291558);
  PERFORM setval('sluice.wake_until', date_part('epoch', now())::bigint + 60,
    EXISTS (SELECT FROM sluice.runtime r WHERE r.wake AND {is_alive}));
END;
$wake$;
