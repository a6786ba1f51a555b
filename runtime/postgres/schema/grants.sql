-- name: granted_functions
-- The functions that a runtime calls: not those of triggers, and not those under which effects run.
(SELECT p.oid, p.proowner FROM pg_proc p WHERE p.pronamespace = 'sluice'::regnamespace
   AND p.prorettype <> 'trigger'::regtype AND p.proname NOT LIKE 'as %')

-- name: granted_tables
(SELECT c.oid, c.relname FROM pg_class c WHERE c.relnamespace = 'sluice'::regnamespace AND c.relkind = 'r')

-- name: runners
-- Roles other than the owner that may write what runtimes write.
(SELECT DISTINCT a.grantee AS role FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.oid = to_regclass('sluice.runtime') AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner))

-- name: grant_schema
-- The objects in the schema; `who` is a variable of the block.
    EXECUTE format('GRANT USAGE ON SCHEMA sluice TO %s', who);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluice TO %s', who);
    FOR made IN SELECT f.oid::regprocedure AS name FROM {granted_functions} f LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', made.name, who);
    END LOOP;

-- name: run_grant
DO $grant$
DECLARE
  who text := {role};
  made record;
BEGIN
  IF to_regrole(who) IS NULL THEN
    RAISE EXCEPTION 'role % does not exist, to which --grant-run is to give rights: create it first', who
      USING ERRCODE = 'undefined_object';
  END IF;
  IF NOT has_schema_privilege(to_regrole(who), to_regnamespace({outbox_schema_literal}), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA {outbox_schema} TO %s', who);
  END IF;
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {outbox} TO %s', who);
{grant_schema}
END;
$grant$;

-- name: enqueue_grant
DO $grant$
DECLARE
  who text := {role};
BEGIN
  IF to_regrole(who) IS NULL THEN
    RAISE EXCEPTION 'role % does not exist, to which --grant-enqueue is to give rights: create it first', who
      USING ERRCODE = 'undefined_object';
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA sluice TO %s', who);
  EXECUTE format('GRANT EXECUTE ON FUNCTION sluice.enqueue TO %s', who);
END;
$grant$;

-- name: kept_grants
DO $grant$
DECLARE
  who text;
  made record;
BEGIN
  FOR who IN SELECT r.role::regrole::text FROM {runners} r LOOP
{grant_schema}
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END;
$grant$;

-- name: lacking_roles
SELECT r.role::regrole::text FROM {runners} r
WHERE EXISTS (SELECT FROM {granted_tables} t, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) w (what)
              WHERE NOT has_table_privilege(r.role, t.oid, w.what))
  OR EXISTS (SELECT FROM {granted_functions} f WHERE NOT has_function_privilege(r.role, f.oid, 'EXECUTE'))
ORDER BY 1

-- name: lacking_rights
SELECT w.what, 'table sluice.' || t.relname
FROM {granted_tables} t, unnest(CASE WHEN t.relname IN ('migration', 'outbox') THEN '{SELECT}'::text[]
  WHEN t.relname = 'notification' THEN '{}' ELSE '{SELECT,INSERT,UPDATE,DELETE}' END) w (what)
WHERE NOT has_table_privilege(t.oid, w.what)
UNION ALL
SELECT w.what, 'table ' || {outbox_literal} FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) w (what)
WHERE NOT has_table_privilege({outbox_literal}, w.what)
UNION ALL
SELECT 'EXECUTE', 'function ' || f.oid::regprocedure FROM {granted_functions} f WHERE NOT has_function_privilege(f.oid, 'EXECUTE')
ORDER BY 2, 1
