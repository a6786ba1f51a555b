// Who holds the lock that a session waits for, as a phrase for messages. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Who holds a lock on the whole table that blocks writers, as "process 4711 (user app, psql, idle in
/// transaction for 12 s: LOCK TABLE …)"; empty if nobody does.
std::string table_blocker(pqxx::transaction_base& transaction, const TableName& table);

/// The same for the row of job `id`; empty if unknown.
std::string row_blocker(pqxx::transaction_base& transaction, const TableName& table, const std::string& id);

}  // namespace sluice::postgres
