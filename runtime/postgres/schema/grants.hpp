// The database rights that roles need: SQL that grants them, and queries for those that are missing. Inside
// runtime/postgres only.
#pragma once

#include <string>
#include <vector>

#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Roles to which init grants rights.
struct Grants {
  std::vector<std::string> run;      ///< all that `sluice run` and the other commands need, except init
  std::vector<std::string> enqueue;  ///< to call sluice.enqueue
};

/// Raises an error if the role does not exist, or if the user may not grant the rights.
std::string run_grant(const TableName& table, const std::string& role);
std::string enqueue_grant(const std::string& role);

/// Grants to each role that has rights on a runtime's tables those on newer objects too, so that an upgrade
/// needs no GRANT by hand. Does nothing if the user may not grant them.
std::string kept_grants();
/// The roles that lack some rights, one per row.
std::string lacking_roles_query();

/// The rights of run_grant that the session's user lacks, one per row: the right, and the object.
std::string lacking_rights_query(const TableName& table);

}  // namespace sluice::postgres
