// Who holds the lock that a session waits for, as a phrase for messages. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// A statement may contain what a visitor of a page may not see.
enum class Query { shown, hidden };

/// Who holds a lock on the whole table that blocks writers, as "process 4711 (user app, psql, idle in
/// transaction for 12 s: LOCK TABLE …)"; empty if nobody does.
std::string table_blocker(pqxx::transaction_base& transaction, const TableName& table,
                          Query query = Query::shown);

/// The same for the row of job `id`; empty if unknown.
std::string row_blocker(pqxx::transaction_base& transaction, const TableName& table, const std::string& id,
                        Query query = Query::shown);

/// The session whose lock on the table, or on one of schema sluice, keeps others from reading or writing it;
/// also one that waits for such a lock, because later ones wait behind it. Its statement is hidden.
std::string lock_holder(pqxx::transaction_base& transaction, const TableName& table);

}  // namespace sluice::postgres
