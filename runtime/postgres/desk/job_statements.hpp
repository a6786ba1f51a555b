// The SQL of `sluice jobs`, as texts made from the table's name and a filter. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <string>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

/// The newest jobs. Answers id, type, status, attempts, then created, updated and due as ISO 8601 and age,
/// then number, result, code, error and time (twice) of the last failed attempt.
std::string list_statement(const TableName& table, const JobFilter& filter, std::size_t limit);

/// True when the list has to pass over jobs: the filter says more than status and age.
bool list_skips(const JobFilter& filter);

// The newest jobs that match, among those that are looked at: the newest `most` of each status, or `most` of
// each type. They answer the columns of the list, and when the oldest was created that was looked at
// (twice), null where all were; where a type has more, infinity. At least one row, with null for an id
// where there is no job. For a session with pump_settings.
std::string newest_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                    std::size_t most);
std::string types_within_statement(const TableName& table, const JobFilter& filter, std::size_t limit,
                                   std::size_t most);

std::string count_statement(const TableName& table, const JobFilter& filter);
/// How many jobs are in processing that no claim names and that are not stuck yet; 1000 at most.
std::string foreign_statement(const TableName& table);

/// Parameter: an id. Answers the columns of the list, then payload, output, and plugin, its version and
/// the most attempts of the type.
std::string show_statement(const TableName& table);

/// Parameter: an id. Answers number, result, code, error, log tail, duration, host, pid, runtime and time
/// (twice) of its failed attempts, oldest first.
std::string attempts_statement();
/// Of job $1, who ran it to its end; where `near`, within a minute of the row's last change alone.
std::string trace_statement(const TableName& table, bool near);

/// Parameter: ids. Answers, in their order, id, status, whether it is scheduled, seconds since it was
/// written, runtime, host, pid and liveness of its holder, and whether it is asked to be cancelled.
std::string state_statement(const TableName& table);

/// Locks the rows of the jobs $1 until the transaction ends: what the next statement sees of their claims is
/// true then, since claims lock rows, too, until they are recorded.
std::string lock_statement(const TableName& table);

// Parameter: ids. They answer the ids of the jobs that they changed.
std::string retry_statement(const TableName& table);
std::string cancel_statement(const TableName& table);
std::string remove_statement(const TableName& table);

/// Records that the jobs $1 are to be cancelled where a live runtime has them.
std::string cancel_request_statement(const TableName& table);

// The next batch of a walk over the jobs of one status. Parameters: where it stands ("createdAt") and when
// it began. They answer how many rows were looked at, the last one's "createdAt", and how many were changed.
std::string retry_batch_statement(const TableName& table, const JobFilter& filter, std::size_t limit);
std::string remove_batch_statement(const TableName& table, const JobFilter& filter, std::size_t limit);

/// Ends, with the reason given for a cancelled job, the jobs that were asked to be cancelled and that no
/// runtime runs now. Used by the caretaker.
std::string end_requested_statement(const TableName& table);

}  // namespace sluice::postgres
