// What runtimes publish about themselves, in PostgreSQL. The caretaker writes it, commands read it. Inside
// runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

void write_plugins(pqxx::transaction_base& transaction, RuntimeId runtime,
                   const std::vector<PluginReport>& plugins);
void write_running(pqxx::transaction_base& transaction, RuntimeId runtime, const RunningChanges& changes);
void write_minutes(pqxx::transaction_base& transaction, const std::vector<OutcomeCount>& outcomes);

void write_traces(pqxx::transaction_base& transaction, RuntimeId runtime, const std::vector<Trace>& traces,
                  job::Microseconds keep);
/// Runs a statement that deletes at most `limit` expired records.
std::size_t delete_expired(pqxx::transaction_base& transaction, const char* statement, std::size_t limit);

std::size_t delete_old_audit(pqxx::transaction_base& transaction, std::size_t limit, job::Microseconds keep);

/// Adds the plugins of each runtime.
void read_published_plugins(pqxx::transaction_base& transaction, std::vector<RuntimeReport>& runtimes);
std::vector<RunningReport> read_running(pqxx::transaction_base& transaction, const TableName& table);
/// Of the last `window` seconds, as closely as whole minutes allow.
std::vector<Throughput> read_throughput(pqxx::transaction_base& transaction, double window);
/// The job, if a runtime shows it as running.
std::vector<RunningReport> read_running_job(pqxx::transaction_base& transaction, const std::string& id);

}  // namespace sluice::postgres
