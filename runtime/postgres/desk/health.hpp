// What `sluice health db` checks: whether the database is suitable for Sluice, check by check.
#pragma once

#include <string>
#include <vector>

#include "postgres/postgres_store.hpp"

namespace sluice::postgres {

enum class Health { good, warning, failed };

struct HealthCheck {
  std::string name;  ///< short and stable: "connection", "schema", …
  Health health = Health::good;
  std::string words;  ///< what was checked and found, and, for a failure, what to do
};

/// Runs the checks in order. If a check on which the next ones depend fails, it is the last. Throws Refused
/// if the URL or the table name is invalid.
std::vector<HealthCheck> check_database(const PostgresOptions& options);

}  // namespace sluice::postgres
