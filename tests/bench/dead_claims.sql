-- Leaves `count` dead rows in sluice.claim. As with real claims, each row is inserted by its own transaction and
-- deleted by a later one. A claim here has 20 jobs.
CREATE PROCEDURE dead_claims(count int) LANGUAGE plpgsql AS $$
DECLARE
  owner bigint;
  former bigint;
  jobs text[] := ARRAY (SELECT 'dead' || md5(i::text) FROM generate_series(1, 20) i);
BEGIN
  INSERT INTO sluice.runtime (host, pid, version, command) VALUES ('bench', 0, '', 'bench') RETURNING id INTO owner;
  FOR n IN 1..count LOOP
    WITH ended AS (DELETE FROM sluice.claim WHERE id = former)
    INSERT INTO sluice.claim (runtime, pump, ids) VALUES (owner, 1, jobs) RETURNING id INTO former;
    COMMIT;
  END LOOP;
  DELETE FROM sluice.claim WHERE id = former;
  DELETE FROM sluice.runtime WHERE id = owner;
END $$;
SET synchronous_commit = off;
SET enable_seqscan = off;
