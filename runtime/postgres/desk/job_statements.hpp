// The SQL of `sluice jobs`, as texts made from the table's name and a filter. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <string>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

/// The newest jobs. Returns id, type, status, attempts, then created, updated and due as ISO 8601 and age,
/// then number, result, code, error and time (twice) of the last failed attempt.
std::string list_statement(const TableName& table, const JobFilter& filter, std::size_t limit);

/// True if the list has to skip jobs, because the filter restricts more than status and age.
bool list_skips(const JobFilter& filter);

// The newest jobs that match among those that are read: the newest `most` of each status, or `most` of each
// type. They return the columns of the list, and when the oldest job that was read was created (twice): null
// if all were read, infinity if a type has more. They return at least one row, with a null id if there is no
// job. For a session with pump_settings.
std::string newest_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                    std::size_t most);
std::string types_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                   std::size_t most);

std::string count_statement(const TableName& table, const JobFilter& filter);

// The statements show, attempts and trace. If `near`, trace is limited to a minute around the row's last
// change.
std::string show_statement(const TableName& table);

std::string attempts_statement();
std::string trace_statement(const TableName& table, bool near);

enum class BatchChange { retry, remove, give_up };

/// Statement `change_batch`.
std::string batch_statement(const TableName& table, const JobFilter& filter, BatchChange change,
                            std::size_t limit);
// The same in two steps, between which the caller chooses among the rows.
std::string read_batch_statement(const TableName& table, const JobFilter& filter, BatchChange change,
                                 std::size_t limit);
std::string change_read_statement(const TableName& table, BatchChange change);

}  // namespace sluice::postgres
