-- name: receipts
-- Claims as receipts: they name rows that stay pending. Those of a transaction's number and later ones are found without
-- those that are dead; if all of a claim's jobs are marked `processing`, nobody looks for it. Statement `claim` says why xid
-- has an upper bound.
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
    SELECT j FROM sluice.claim c, unnest(c.ids) j WHERE c.xid BETWEEN since AND '18446744073709551615' AND NOT c.marked)) IS TRUE);
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
