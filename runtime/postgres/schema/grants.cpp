#include "postgres/schema/grants.hpp"

#include <string_view>

namespace sluice::postgres {

namespace {

/// The functions that a runtime calls: not those of triggers, and not those under which effects run.
constexpr std::string_view functions =
    "(SELECT p.oid, p.proowner FROM pg_proc p WHERE p.pronamespace = 'sluice'::regnamespace AND p.prorettype "
    "<> "
    "'trigger'::regtype AND p.proname NOT LIKE 'as %')";

constexpr std::string_view tables =
    "(SELECT c.oid, c.relname FROM pg_class c WHERE c.relnamespace = 'sluice'::regnamespace AND c.relkind = "
    "'r')";

/// Who is not the owner, and may write what runtimes write.
constexpr std::string_view runners =
    "(SELECT DISTINCT a.grantee AS role FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = "
    "to_regclass('sluice.runtime') AND a.privilege_type = 'INSERT' AND a.grantee NOT IN (0, c.relowner))";

std::string filled(std::string_view pattern, std::string_view role, const TableName* table = nullptr) {
  std::string sql(pattern);
  const auto put = [&](std::string_view mark, std::string_view value) {
    for (std::size_t at = sql.find(mark); at != std::string::npos; at = sql.find(mark, at + value.size()))
      sql.replace(at, mark.size(), value);
  };
  put("{functions}", functions);
  put("{tables}", tables);
  put("{runners}", runners);
  put("{role}", role);
  if (table != nullptr) {
    put("{outbox}", table->quoted());
    put("{outbox_literal}", quoted_literal(table->quoted()));
    put("{outbox_schema_literal}", quoted_literal(quoted_identifier(table->schema())));
    put("{outbox_schema}", quoted_identifier(table->schema()));
  }
  return sql;
}

// What is in the schema; `who` is a variable of the block.
constexpr std::string_view schema_rights = R"(
    EXECUTE format('GRANT USAGE ON SCHEMA sluice TO %s', who);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluice TO %s', who);
    FOR made IN SELECT f.oid::regprocedure AS name FROM {functions} f LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', made.name, who);
    END LOOP;
)";

}  // namespace

std::string run_grant(const TableName& table, const std::string& role) {
  const std::string body = std::string(R"(DO $grant$
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
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON {outbox} TO %s', who);)") +
                           std::string(schema_rights) + "END;\n$grant$;\n";
  return filled(body, quoted_literal(quoted_identifier(role)), &table);
}

std::string enqueue_grant(const std::string& role) {
  return filled(R"(DO $grant$
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
)",
                quoted_literal(quoted_identifier(role)));
}

std::string kept_grants() {
  const std::string body = std::string(R"(DO $grant$
DECLARE
  who text;
  made record;
BEGIN
  FOR who IN SELECT r.role::regrole::text FROM {runners} r LOOP)") +
                           std::string(schema_rights) + R"(  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END;
$grant$;
)";
  return filled(body, "");
}

std::string lacking_roles_query() {
  return filled(
      "SELECT r.role::regrole::text FROM {runners} r WHERE EXISTS (SELECT FROM {tables} t, "
      "unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) w (what) WHERE NOT has_table_privilege(r.role, t.oid, "
      "w.what)) OR "
      "EXISTS (SELECT FROM {functions} f WHERE NOT has_function_privilege(r.role, f.oid, 'EXECUTE')) ORDER "
      "BY 1",
      "");
}

std::string lacking_rights_query(const TableName& table) {
  return filled(
      "SELECT w.what, 'table sluice.' || t.relname FROM {tables} t, unnest(CASE WHEN t.relname IN "
      "('migration', "
      "'outbox') THEN '{SELECT}'::text[] WHEN t.relname = 'notification' THEN '{}' ELSE "
      "'{SELECT,INSERT,UPDATE,DELETE}' END) w (what) WHERE NOT has_table_privilege(t.oid, w.what) "
      "UNION ALL SELECT w.what, 'table ' || {outbox_literal} FROM "
      "unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) w "
      "(what) WHERE NOT has_table_privilege({outbox_literal}, w.what) "
      "UNION ALL SELECT 'EXECUTE', 'function ' || f.oid::regprocedure FROM {functions} f WHERE NOT "
      "has_function_privilege(f.oid, 'EXECUTE') ORDER BY 2, 1",
      "", &table);
}

}  // namespace sluice::postgres
