-- name: webhook_endpoints
-- Endpoints of webhooks that answered that they want no more. The functions run with their owner's rights, because a
-- role that may owe a webhook need not have the right to insert other jobs. A 410 for an earlier generation disables
-- nothing.
ALTER TABLE sluice.notification ADD COLUMN title text, ADD COLUMN link text, ADD COLUMN data jsonb;

CREATE TABLE sluice.webhook_endpoint (
  name text PRIMARY KEY,
  generation bigint NOT NULL DEFAULT 1,
  disabled_at timestamptz,
  reason text,
  job_id text);

CREATE FUNCTION sluice.owe_webhook(endpoint text, notice jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $owe$
DECLARE
  known sluice.webhook_endpoint;
BEGIN
  SELECT * INTO known FROM sluice.webhook_endpoint e WHERE e.name = endpoint;
  IF known.disabled_at IS NOT NULL THEN RETURN; END IF;
  PERFORM sluice.enqueue('notification.webhook', notice ||
    jsonb_build_object('endpoint', endpoint, 'generation', coalesce(known.generation, 1)));
END;
$owe$;

CREATE FUNCTION sluice.disable_webhook(endpoint text, generation bigint, job_id text, reason text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $disable$
  INSERT INTO sluice.webhook_endpoint AS known (name, generation, disabled_at, reason, job_id)
  VALUES ($1, $2, now(), $4, $3)
  ON CONFLICT (name) DO UPDATE SET disabled_at = now(), reason = EXCLUDED.reason, job_id = EXCLUDED.job_id
  WHERE known.generation = EXCLUDED.generation AND known.disabled_at IS NULL;
$disable$;

CREATE FUNCTION sluice.revive_webhook(endpoint text) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $revive$
  WITH revived AS (
    UPDATE sluice.webhook_endpoint SET generation = generation + 1, disabled_at = NULL, reason = NULL, job_id = NULL
    WHERE name = $1 AND disabled_at IS NOT NULL RETURNING 1)
  SELECT EXISTS (SELECT FROM revived);
$revive$;

REVOKE EXECUTE ON FUNCTION sluice.owe_webhook(text, jsonb), sluice.disable_webhook(text, bigint, text, text),
  sluice.revive_webhook(text) FROM PUBLIC;
