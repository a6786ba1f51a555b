// Columns about jobs, as SQL and as read from rows. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "postgres/interface.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

/// Two columns for a timestamp in UTC: as ISO 8601, null if infinite, and its age. The age is a difference of
/// epochs, because PostgreSQL refuses to subtract infinite timestamps.
std::string moment(const std::string& utc);
/// Columns `first` and the next one, as moment() returns them.
Moment moment_of(const pqxx::row& row, int first);

/// For a job o, its schedule s and its last failed attempt a: id, type, status, attempts, then created,
/// updated and due as moments, then number, result, code, error and moment of the attempt. 16 columns.
std::string summary_columns();
JobSummary summary_of(const pqxx::row& row);

/// Texts as a list of constants.
std::string constants(const std::vector<std::string>& texts);

}  // namespace sluice::postgres
