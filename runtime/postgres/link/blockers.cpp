#include "postgres/link/blockers.hpp"

#include "base/text.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

constexpr std::size_t longest_query = 120;  // bytes

const std::string holder_columns =
    "l.pid, a.usename, a.application_name, a.state, "
    "pg_catalog.round(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)), a.query "
    "FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid ";

std::string phrase(const pqxx::result& rows, Query shown) {
  if (rows.empty()) return {};
  const auto row = rows[0];
  std::string words = "process " + text_of(row[0]);
  if (row[1].is_null()) return words;
  words += " (user " + text_of(row[1]);
  if (const std::string name = text_of(row[2]); !name.empty()) words += ", " + name;
  if (!row[3].is_null()) words += ", " + text_of(row[3]);
  if (!row[4].is_null()) words += " for " + text_of(row[4]) + " s";
  if (const std::string query = text_of(row[5]); shown == Query::shown && !query.empty()) {
    words += ": " + base::shortened(base::valid_utf8(query), longest_query);
  }
  return words + ")";
}

}  // namespace

std::string table_blocker(pqxx::transaction_base& transaction, const TableName& table, Query query) {
  return phrase(exec(transaction,
                     "SELECT " + holder_columns +
                         "WHERE l.locktype = 'relation' AND l.relation = "
                         "pg_catalog.to_regclass($1::text) AND l.granted AND l.pid <> "
                         "pg_catalog.pg_backend_pid() AND l.mode IN ('ShareLock', "
                         "'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') LIMIT 1",
                     table.quoted()),
                query);
}

/// A row that only one transaction has locked carries that transaction's number.
std::string row_blocker(pqxx::transaction_base& transaction, const TableName& table, const std::string& id,
                        Query query) {
  return phrase(exec(transaction,
                     "SELECT " + holder_columns +
                         "WHERE l.locktype = 'transactionid' AND l.granted AND l.transactionid = "
                         "(SELECT o.xmax FROM " +
                         table.quoted() + " o WHERE o.id = $1::text) LIMIT 1",
                     id),
                query);
}

std::string lock_holder(pqxx::transaction_base& transaction, const TableName& table) {
  return phrase(exec(transaction,
                     "SELECT " + holder_columns +
                         "WHERE l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid() AND "
                         "(l.granted OR l.mode = 'AccessExclusiveLock') AND l.mode IN ('ShareLock', "
                         "'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') AND (l.relation = "
                         "pg_catalog.to_regclass($1::text) OR l.relation IN (SELECT c.oid FROM "
                         "pg_catalog.pg_class c WHERE c.relnamespace = "
                         "pg_catalog.to_regnamespace('sluice'))) ORDER BY l.granted DESC, l.mode LIMIT 1",
                     table.quoted()),
                Query::hidden);
}

}  // namespace sluice::postgres
