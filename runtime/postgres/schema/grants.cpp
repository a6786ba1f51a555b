#include "postgres/schema/grants.hpp"

#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

std::string role_literal(const std::string& role) {
  return quoted_literal(quoted_identifier(role));
}

}  // namespace

std::string run_grant(const TableName& table, const std::string& role) {
  const std::string schema = quoted_identifier(table.schema());
  return sql("run_grant", table,
             {{"role", role_literal(role)},
              {"outbox_schema", schema},
              {"outbox_schema_literal", quoted_literal(schema)}}) +
         "\n";
}

std::string enqueue_grant(const std::string& role) {
  return sql("enqueue_grant", {{"role", role_literal(role)}}) + "\n";
}

std::string kept_grants() {
  return sql("kept_grants") + "\n";
}

std::string lacking_roles_query() {
  return sql("lacking_roles");
}

std::string lacking_rights_query(const TableName& table) {
  return sql("lacking_rights", table);
}

}  // namespace sluice::postgres
