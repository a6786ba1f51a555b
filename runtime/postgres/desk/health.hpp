// What `sluice health db` looks at: whether the database is fit for Sluice, check by check.
#pragma once

#include <string>
#include <vector>

#include "postgres/postgres_store.hpp"

namespace sluice::postgres {

enum class Health { good, warning, failed };

struct HealthCheck {
  std::string name;  ///< short and stable: "connection", "schema", …
  Health health = Health::good;
  std::string words;  ///< what was checked and found; where it failed, what to do
};

/// Runs the checks in their order; one that the next ones rest on ends them when it fails. Throws Refused
/// when the url or the table name can't be read.
std::vector<HealthCheck> check_database(const PostgresOptions& options);

}  // namespace sluice::postgres
