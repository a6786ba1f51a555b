// Failed attempts that look the same. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

Failures read_failures(pqxx::transaction_base& transaction, Time from, Time to);

std::string failures_statement(Time from, Time to);

GroupJobs read_group_jobs(pqxx::transaction_base& transaction, const TableName& table,
                          const std::string& type, const std::string& code, const FailureLikeness& group);
/// $1: the type, $2: the code. For a transaction with group_jobs_settings().
std::string group_jobs_statement(const TableName& table);
std::string group_jobs_settings();

}  // namespace sluice::postgres
