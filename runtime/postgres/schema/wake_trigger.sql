-- name: has_wake_trigger
SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t
  WHERE t.tgrelid = to_regclass({outbox_literal}) AND t.tgname = 'sluice_wake'{more})

-- name: create_wake_trigger
-- BEFORE costs less than AFTER, because no event is queued. The notification is sent at the commit either way.
IF NOT ({has_wake_trigger}) THEN
  CREATE TRIGGER sluice_wake BEFORE INSERT ON {outbox} FOR EACH STATEMENT EXECUTE FUNCTION sluice.wake();
END IF;

-- name: drop_wake_trigger
IF ({has_wake_trigger}) THEN
  DROP TRIGGER sluice_wake ON {outbox};
END IF;
