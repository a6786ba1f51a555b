// Who holds what somebody waits for, as a phrase for messages. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Whose lock on the whole table keeps writers out, as "process 4711 (user app, psql, idle in transaction for
/// 12 s: LOCK TABLE …)"; empty when nobody has one.
std::string table_blocker(pqxx::transaction_base& transaction, const TableName& table);

/// The same for the row of job `id`; empty where it is not known.
std::string row_blocker(pqxx::transaction_base& transaction, const TableName& table, const std::string& id);

}  // namespace sluice::postgres
