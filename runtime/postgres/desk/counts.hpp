// How many jobs there are, by type and status. A table of a few megabytes is counted as a whole. In a larger
// one that takes seconds, so it is counted within bounds, along the indexes of the guide's and of lean
// tables:
//
//   a status with few jobs   counted exactly, for each type
//   a type with few jobs     counted exactly, for each status; where there is an index on type
//   the others               estimated from a sample of the table's pages, always the same ones
//
// Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Fills report.counts and report.waiting, except what is known about the types in the latter.
void read_counts(pqxx::transaction_base& transaction, const TableName& table, bool exact, Report& report);

/// The statuses in the table, at most some dozens: each is one step along an index.
std::vector<std::string> read_statuses(pqxx::transaction_base& transaction, const TableName& table);

/// True if a valid index over all rows begins with the column.
bool has_index_on(pqxx::transaction_base& transaction, const TableName& table, const std::string& column);

/// Jobs created in the last `seconds`, up to a million per status.
void read_created(pqxx::transaction_base& transaction, const TableName& table, std::int64_t seconds,
                  Aggregate& aggregate);

}  // namespace sluice::postgres
