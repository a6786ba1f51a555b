// Which of the guide's indexes the outbox has. Claiming needs those on id and (status, "createdAt"). The
// other three serve queries of the application, and each costs an insertion for each change of a row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

struct IndexChange {
  std::string name;  ///< "public"."Outbox_type_idx"
  std::string sql;   ///< one statement, which can't run inside a transaction
};

/// One change for each index that the guide has and lean does not, in the order of the guide's table. The
/// changes block nobody, and do nothing if the indexes already are as `wanted`.
std::vector<IndexChange> index_changes(const TableName& table, Indexes wanted);

/// Whether the index with the name $1, as in IndexChange, is valid; null if it does not exist.
inline constexpr std::string_view index_query =
    "SELECT (SELECT i.indisvalid FROM pg_catalog.pg_index i WHERE i.indexrelid = to_regclass($1::text))";

}  // namespace sluice::postgres
