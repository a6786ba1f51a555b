#include "postgres/schema/wake_trigger.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

std::string wake_notification() {
  return std::string("SELECT pg_catalog.pg_notify('") + wake_channel + "', '')";
}

namespace {

std::string trigger_query(const TableName& table, const char* more) {
  return sql("has_wake_trigger", table, {{"more", more}});
}

}  // namespace

std::string wake_trigger_query(const TableName& table) {
  return trigger_query(table, "");
}
std::string working_wake_trigger_query(const TableName& table) {
  return trigger_query(table, " AND t.tgenabled IN ('O', 'A')");
}

std::string wake_trigger_creation(const TableName& table) {
  return sql("create_wake_trigger", table, {{"more", ""}}) + "\n";
}

std::string wake_trigger_removal(const TableName& table) {
  return sql("drop_wake_trigger", table, {{"more", ""}}) + "\n";
}

}  // namespace sluice::postgres
