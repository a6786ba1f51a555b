// What each version of a plugin did. Inside runtime/postgres only.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/interface.hpp"

namespace sluice::postgres {

struct VersionMinute {
  VersionOutcomes outcomes;
  std::size_t minutes_ago = 0;  ///< below minutes_of_an_hour
};

/// The last hour's, of all types.
std::vector<VersionMinute> read_version_minutes(pqxx::transaction_base& transaction);

std::vector<VersionOutcomes> read_versions(pqxx::transaction_base& transaction, Time from, Time to,
                                           const std::string& type);

/// Adds to the version's outcomes, or appends them.
void add(std::vector<VersionOutcomes>& all, const VersionOutcomes& more);

void sort_by_beginning(std::vector<VersionOutcomes>& all);

}  // namespace sluice::postgres
