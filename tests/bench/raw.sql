-- The usual way to drain the guide's table, as fast as PostgreSQL can: each row is written when it is claimed and again
-- when it is finished. One transaction finishes a batch and claims the next. There is no handler. Several sessions call
-- this procedure at once.
CREATE PROCEDURE raw_loop(batch int) LANGUAGE plpgsql AS $$
DECLARE
  held tid[] := '{}';
  claimed tid[];
  oldest timestamp := '-infinity';
BEGIN
  LOOP
    WITH finished AS (
      UPDATE "Outbox" o SET status = 'done', "updatedAt" = clock_timestamp() AT TIME ZONE 'UTC'
      FROM unnest(held) AS place WHERE o.ctid = place AND o.status IS NOT DISTINCT FROM 'processing'),
    picked AS MATERIALIZED (
      SELECT o.ctid AS place FROM "Outbox" o
      WHERE (o.status, o."createdAt") >= ('pending', oldest) AND o.status <= 'pending'
      ORDER BY o.status, o."createdAt" LIMIT batch FOR NO KEY UPDATE SKIP LOCKED),
    taken AS (
      UPDATE "Outbox" o
      SET status = 'processing', attempts = attempts + 1, "updatedAt" = clock_timestamp() AT TIME ZONE 'UTC'
      FROM picked WHERE o.ctid = picked.place RETURNING o.ctid AS place, o."createdAt")
    SELECT array_agg(place), max("createdAt") INTO claimed, oldest FROM taken;
    COMMIT;
    EXIT WHEN claimed IS NULL;
    held := claimed;
  END LOOP;
END $$;
