// How schema sluice is created: SQL pieces, each of which does nothing when it is run again.
// DeskSession::init runs them in one transaction each, and init_sql passes the same pieces to psql.
#pragma once

#include <string>
#include <vector>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

struct Migration {
  int version = 0;
  std::string name;
  std::string sql;
};

/// All migrations in order, versions 1, 2, …
std::vector<Migration> migrations(const TableName& table);

/// Must run first in each transaction. It allows one init at a time, and no waiting behind other sessions'
/// locks.
std::string init_lock();

/// Raises an error if the table exists and Sluice can't serve it, or if this database's schema sluice was
/// made for another table. `required`: the table must also exist.
std::string outbox_check(const TableName& table, bool required);

/// Creates the guide's table and indexes, exactly as Prisma does, if the table is missing.
std::string outbox_creation(const TableName& table);

/// Creates schema sluice and its list of migrations if they are missing.
std::string schema_creation();

/// Runs the migration and records it, unless it is recorded.
std::string migration_step(const Migration& migration);

/// Creates the trigger that wakes idle runtimes on the table, or drops it. Does nothing if the user lacks the
/// right.
std::string wake_trigger_step(const TableName& table, bool wanted);

}  // namespace sluice::postgres
