// The rights that roles need of the database: SQL that gives them, and questions about those that lack.
// Inside runtime/postgres only.
#pragma once

#include <string>
#include <vector>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Roles to which init gives rights.
struct Grants {
  std::vector<std::string> run;      ///< all that `sluice run` and the other commands need, but for init
  std::vector<std::string> enqueue;  ///< to call sluice.enqueue
};

/// Raises an error where there is no such role, or where the user may not give the rights.
std::string run_grant(const TableName& table, const std::string& role);
std::string enqueue_grant(const std::string& role);

/// Gives each role that has rights on the tables of a runtime those on what was made since, so that an
/// upgrade needs no GRANT by hand. Leaves it where the user may not.
std::string kept_grants();
/// The roles that lack some, one a row.
std::string lacking_roles_query();

/// What the session's user lacks of the rights of run_grant, a row each: the right, and on what.
std::string lacking_rights_query(const TableName& table);

}  // namespace sluice::postgres
