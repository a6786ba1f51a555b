-- name: waking
-- The time until which producers notify, in seconds since 1970, is the value of a sequence. A trigger can read it in a
-- microsecond, with neither a statement nor a lock that another session could hold. If the sequence is missing, the
-- value is null. The time passes by itself within two minutes after the last runtime that wanted notifications was
-- heard from.
ALTER TABLE sluice.runtime ADD COLUMN wake boolean NOT NULL DEFAULT false;
CREATE SEQUENCE sluice.wake_until MINVALUE 0 START 0;
CREATE FUNCTION sluice.set_wake() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $wake$
BEGIN
  PERFORM pg_advisory_xact_lock(7598263422914291558);
  PERFORM setval('sluice.wake_until', CASE
    WHEN EXISTS (SELECT FROM sluice.runtime r WHERE r.wake AND r.beat_at > now() - interval '1 minute')
    THEN date_part('epoch', now())::bigint + 60 ELSE 0 END);
END;
$wake$;
CREATE FUNCTION sluice.wake() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $wake$
BEGIN
  IF pg_catalog.pg_sequence_last_value(pg_catalog.to_regclass('sluice.wake_until')) OPERATOR(pg_catalog.>)
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
REVOKE EXECUTE ON FUNCTION sluice.wake() FROM PUBLIC;
