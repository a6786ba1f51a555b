-- name: cheaper_waking
-- The sequence has no last value while no runtime wants to be woken, so producers compare no times then. It is named by
-- its number, which saves producers the look-up. The view shows it to people, and prevents DROP SEQUENCE, after which
-- inserts would fail.
CREATE VIEW sluice.waking AS
  SELECT to_timestamp(pg_catalog.pg_sequence_last_value('sluice.wake_until'::pg_catalog.regclass)) AS until;
CREATE OR REPLACE FUNCTION sluice.set_wake() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $wake$
BEGIN
  PERFORM pg_advisory_xact_lock(7598263422914291558);
  PERFORM setval('sluice.wake_until', date_part('epoch', now())::bigint + 60,
    EXISTS (SELECT FROM sluice.runtime r WHERE r.wake AND r.beat_at > now() - interval '1 minute'));
END;
$wake$;
PERFORM sluice.set_wake();
CREATE OR REPLACE FUNCTION sluice.wake() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $wake$
BEGIN
  IF pg_catalog.pg_sequence_last_value('sluice.wake_until'::pg_catalog.regclass) IS NULL THEN
    RETURN NULL;
  END IF;
  IF pg_catalog.pg_sequence_last_value('sluice.wake_until'::pg_catalog.regclass) OPERATOR(pg_catalog.>)
     pg_catalog.date_part('epoch', pg_catalog.now()) THEN
    BEGIN
      PERFORM pg_catalog.pg_notify('{wake_channel}', '');
    EXCEPTION WHEN OTHERS THEN
      RETURN NULL;
    END;
  END IF;
  RETURN NULL;
END;
$wake$;
