// Pages of jobs. Inside runtime/postgres only.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/insight/page_statements.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

JobPage read_page(pqxx::transaction_base& transaction, const TableName& table, const JobQuery& query,
                  Order order, const std::optional<JobKey>& after, std::size_t limit,
                  const std::vector<std::vector<std::string>>& columns);
JobCount read_matches(pqxx::transaction_base& transaction, const TableName& table, const JobQuery& query);

/// Counts all of them.
std::int64_t read_exact_count(pqxx::transaction_base& transaction, const TableName& table,
                              const JobQuery& query);

}  // namespace sluice::postgres
