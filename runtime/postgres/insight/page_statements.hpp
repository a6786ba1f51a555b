// The SQL of pages of jobs, as texts made from a query. Inside runtime/postgres only.
//
// A page reads the next `most` jobs of each status and takes those that match. Where a status has more, the
// page ends at the last job that was read: its horizon. So its duration depends on `most`, however rare the
// matching jobs are, and the next page continues there without a gap. All jobs of a type or of a code are
// read at once if there are few.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// What to read.
struct Reading {
  const JobQuery& query;
  Order order = Order::newest;
  std::optional<JobKey> after;
  std::size_t most = 0;   ///< jobs, of each status, type or code
  bool by_type = false;   ///< along the index on type; the query has types
  bool by_status = true;  ///< without statuses in the query: else along the index on "createdAt"
  bool by_code = false;   ///< along the index on codes of attempts; the query has a code
};

/// The first `limit` jobs that match. Returns the summary's columns, "createdAt" as text, the horizon's
/// "createdAt" as text, id and moment, and the values at the paths `columns`. It returns at least one row,
/// with a null id if there is no job. The horizon is null if everything was read. By type or
/// code, there is one if a type or the code has more; then the jobs mean nothing.
std::string page_statement(const TableName& table, const Reading& reading, std::size_t limit,
                           const std::vector<std::vector<std::string>>& columns);
/// How many of these jobs match, and the horizon.
std::string matches_statement(const TableName& table, const Reading& reading);

/// How many jobs match, however many.
std::string exact_statement(const TableName& table, const JobQuery& query);

/// How many jobs the type has that has most, or how many attempts have the code, up to `most` + 1.
std::string most_of_types_statement(const TableName& table, const Reading& reading);
std::string most_of_code_statement(const Reading& reading);

/// True if the query restricts more than status and time of creation.
bool skips(const JobQuery& query);

}  // namespace sluice::postgres
