#include "postgres/schema/indexes.hpp"

namespace sluice::postgres {

std::vector<IndexChange> index_changes(const TableName& table, Indexes wanted) {
  std::vector<IndexChange> changes;
  for (const std::string column : {"status", "createdAt", "type"}) {
    const std::string index = table.object(column + "_idx");
    const std::string name = quoted_identifier(table.schema()) + "." + index;
    changes.push_back({name, wanted == Indexes::lean
                                 ? "DROP INDEX CONCURRENTLY IF EXISTS " + name
                                 : "CREATE INDEX CONCURRENTLY IF NOT EXISTS " + index + " ON " +
                                       table.quoted() + " (" + quoted_identifier(column) + ")"});
  }
  return changes;
}

}  // namespace sluice::postgres
