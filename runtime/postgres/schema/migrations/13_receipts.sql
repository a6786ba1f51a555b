-- name: receipts
-- Claims as receipts: they name rows that stay pending. The claims of one transaction's number and later can be found
-- without reading dead ones. If all of a claim's jobs are marked `processing`, nobody reads the claim.
ALTER TABLE sluice.claim ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  ADD COLUMN marked boolean NOT NULL DEFAULT false;
CREATE INDEX claim_xid_idx ON sluice.claim (xid) WHERE NOT marked;

CREATE FUNCTION sluice.record_claim(runtime bigint, pump integer, ids text[], since xid8, marked boolean,
                                    durable boolean, OUT claim bigint, OUT others text[])
LANGUAGE plpgsql VOLATILE AS $record$
DECLARE
  free text[] := ids;
BEGIN
  others := ARRAY (SELECT i FROM unnest(ids) i WHERE (i IN (
    SELECT j FROM sluice.claim c, unnest(c.ids) j WHERE c.xid >= since AND NOT c.marked)) IS TRUE);
  IF others <> '{}' THEN
    free := ARRAY (SELECT i FROM unnest(ids) i WHERE i <> ALL (others));
  END IF;
  IF free = '{}' THEN RETURN; END IF;
  IF NOT durable THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
  INSERT INTO sluice.claim (runtime, pump, ids, marked)
  VALUES (record_claim.runtime, record_claim.pump, free, record_claim.marked) RETURNING id INTO claim;
END;
$record$;
REVOKE EXECUTE ON FUNCTION sluice.record_claim FROM PUBLIC;
