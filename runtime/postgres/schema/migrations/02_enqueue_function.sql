-- name: enqueue_function
-- Also migration 11, which counts delays from the call on.
-- 
-- Two callers with the same key: the second waits at INSERT … ON CONFLICT for the first one's transaction, then finds
-- its job. The job is read FOR KEY SHARE, so that it can't be deleted before we commit.
CREATE OR REPLACE FUNCTION sluice.enqueue_job(type text, payload jsonb, delay interval, unique_key text,
                                   OUT id text, OUT existing boolean)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $enqueue$
DECLARE
  new_id text := 'c' || left(replace(gen_random_uuid()::text, '-', ''), 24);
  later boolean := coalesce(enqueue_job.delay > interval '0', false);
  utc_now timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
  IF coalesce(enqueue_job.type, '') = '' OR length(enqueue_job.type) > 128 THEN
    RAISE EXCEPTION 'a job type has 1 to 128 characters, this one has %', coalesce(length(enqueue_job.type), 0)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF enqueue_job.payload IS NULL THEN
    RAISE EXCEPTION 'the payload of a job is JSON, not NULL' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  existing := false;
  WHILE enqueue_job.unique_key IS NOT NULL LOOP
    INSERT INTO sluice.unique_key (key, job_id) VALUES (enqueue_job.unique_key, new_id) ON CONFLICT DO NOTHING;
    EXIT WHEN FOUND;
    SELECT k.job_id INTO id FROM sluice.unique_key k WHERE k.key = enqueue_job.unique_key;
    CONTINUE WHEN NOT FOUND;
    PERFORM FROM {outbox} o WHERE o.id = enqueue_job.id FOR KEY SHARE;
    existing := FOUND;
    IF existing THEN RETURN; END IF;
    UPDATE sluice.unique_key k SET job_id = new_id, created_at = now()
    WHERE k.key = enqueue_job.unique_key AND k.job_id = enqueue_job.id;
    EXIT WHEN FOUND;
  END LOOP;
  id := new_id;
  INSERT INTO {outbox} ("id", "type", "payload", "status", "createdAt", "updatedAt", "attempts")
  VALUES (new_id, enqueue_job.type, enqueue_job.payload, CASE WHEN later THEN 'scheduled' ELSE 'pending' END,
          utc_now, utc_now, 0);
  IF later THEN
    INSERT INTO sluice.schedule (job_id, due, status) VALUES (new_id, clock_timestamp() + enqueue_job.delay, 'scheduled');
  END IF;
END;
$enqueue$;

CREATE OR REPLACE FUNCTION sluice.enqueue(type text, payload jsonb DEFAULT '{}', delay interval DEFAULT NULL,
                               unique_key text DEFAULT NULL)
RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $enqueue$
  SELECT e.id FROM sluice.enqueue_job($1, $2, $3, $4) e
$enqueue$;

REVOKE EXECUTE ON FUNCTION sluice.enqueue_job(text, jsonb, interval, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION sluice.enqueue(text, jsonb, interval, text) FROM PUBLIC;
