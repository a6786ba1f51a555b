// All job types, with what waits and what was done. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

std::vector<TypeOverview> read_type_overviews(pqxx::transaction_base& transaction, const TableName& table);

}  // namespace sluice::postgres
