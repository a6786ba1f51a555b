-- name: check_outbox
-- The body of a block that raises an error if Sluice can't drain the table.
DECLARE
  outbox text := {outbox_literal};
  served text;
  kind "char";
  wanted record;
  found_type text;
BEGIN
  IF to_regclass('sluice.outbox') IS NOT NULL THEN
    SELECT o.name INTO served FROM sluice.outbox o;
    IF served <> outbox THEN
      RAISE EXCEPTION 'schema sluice of this database serves table %, not %: use that table, or another database', served, outbox
        USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
  END IF;
  SELECT c.relkind INTO kind FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(outbox);
  IF kind IS NULL THEN
    {missing}
    RETURN;
  END IF;
  IF kind <> 'r' THEN
    RAISE EXCEPTION '% is not an ordinary table (a view or a partitioned table, say), which Sluice can not drain: name a table', outbox
      USING ERRCODE = 'wrong_object_type';
  END IF;
  FOR wanted IN SELECT * FROM (VALUES
      ('id', 'text'), ('type', 'text'), ('payload', 'jsonb'), ('status', 'text'),
      ('createdAt', 'timestamp without time zone'), ('updatedAt', 'timestamp without time zone'),
      ('attempts', 'integer')) AS v (name, type)
  LOOP
    SELECT pg_catalog.format_type(a.atttypid, NULL) INTO found_type FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = to_regclass(outbox) AND a.attname = wanted.name AND a.attnum > 0 AND NOT a.attisdropped;
    IF found_type IS NULL THEN
      RAISE EXCEPTION 'table % has no column "%", expected one of type %: add it where the table is defined, Sluice never alters an existing table', outbox, wanted.name, wanted.type
        USING ERRCODE = 'undefined_column';
    ELSIF found_type <> wanted.type THEN
      RAISE EXCEPTION 'table % has column "%" of type %, expected %: change it where the table is defined, Sluice never alters an existing table', outbox, wanted.name, found_type, wanted.type
        USING ERRCODE = 'datatype_mismatch';
    END IF;
  END LOOP;
END;

-- name: outbox_is_missing
RAISE EXCEPTION 'table % does not exist: run sluice init, or correct the table name', outbox
      USING ERRCODE = 'undefined_table';

-- name: create_outbox
BEGIN
  IF to_regclass({outbox_literal}) IS NOT NULL THEN RETURN; END IF;
  CREATE TABLE {outbox} (
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT {pkey} PRIMARY KEY ("id"));
  CREATE INDEX {status_idx} ON {outbox}("status");
  CREATE INDEX {created_idx} ON {outbox}("createdAt");
  CREATE INDEX {type_idx} ON {outbox}("type");
  CREATE INDEX {status_created_idx} ON {outbox}("status", "createdAt");
END;

-- name: create_schema
BEGIN
  IF to_regclass('sluice.migration') IS NOT NULL THEN RETURN; END IF;
  CREATE SCHEMA IF NOT EXISTS sluice;
  CREATE TABLE sluice.migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now());
END;

-- name: migrate
BEGIN
  IF EXISTS (SELECT FROM sluice.migration m WHERE m.version = {version}) THEN RETURN; END IF;
{migration}
INSERT INTO sluice.migration (version, name) VALUES ({version}, {title});
END;
