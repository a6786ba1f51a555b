// Reads what sluice status and the metrics show.
#pragma once

#include <pqxx/pqxx>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Without counts.
void read_activity(pqxx::transaction_base& transaction, Report& report);
/// The part of it that reads the outbox.
void read_running_jobs(pqxx::transaction_base& transaction, const TableName& table, Report& report);
Report read_report(pqxx::transaction_base& transaction, const TableName& table, bool exact);

/// Like DeskSession::depths. Changes settings of the transaction.
std::vector<QueueDepth> read_depths(pqxx::transaction_base& transaction, const TableName& table,
                                    std::size_t most);

std::vector<RuntimeReport> read_runtimes(pqxx::transaction_base& transaction);

}  // namespace sluice::postgres
