// How schema sluice comes to be: SQL pieces that each do nothing when run again. DeskSession::init runs
// them one transaction each, and init_sql hands the same pieces to psql.
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

/// All migrations in their order, versions 1, 2, …
std::vector<Migration> migrations(const TableName& table);

/// To be run first in each transaction: one init at a time, and no waiting behind anybody's lock.
std::string init_lock();

/// Raises an error unless the table, where it exists, is one that Sluice can serve, and unless it is
/// the one that this database's schema sluice was made for. `required`: it also has to exist.
std::string outbox_check(const TableName& table, bool required);

/// Makes the guide's table and indexes, exactly as Prisma does, where the table is missing.
std::string outbox_creation(const TableName& table);

/// Makes schema sluice and its list of migrations where missing.
std::string schema_creation();

/// Runs the migration and records it, unless it is recorded.
std::string migration_step(const Migration& migration);

/// Puts the trigger that wakes idle runtimes on the table, or takes it off; leaves it as it is where the
/// user has no right to do that.
std::string wake_trigger_step(const TableName& table, bool wanted);

}  // namespace sluice::postgres
