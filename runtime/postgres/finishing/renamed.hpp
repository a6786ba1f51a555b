// Jobs whose id an application changed while they ran. Their outcome finds no row under the claimed id.
// Inside runtime/postgres only.
#pragma once

#include <cstddef>
#include <deque>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/finishing/settlement_texts.hpp"

namespace sluice::postgres {

/// Settlements under the ids that their rows have now.
struct Renamed {
  std::vector<std::size_t> indices;         ///< among the settlements that were looked up
  std::deque<job::Settlement> settlements;  ///< one for each of these

  /// As parameters of the statements. They live as long as this.
  Settlements all() const;
  /// Adds the answer about all() to the answer about the others.
  void add(const Settled& of_these, Settled& settled) const;
};

/// Looks up, with the statement `renamed` in `sql`, those of `settlements` that are neither applied nor
/// locked. If several rows match, it is unknown which outcome belongs to which, and each becomes an error
/// that says so.
Renamed find_renamed(pqxx::transaction_base& transaction, const std::string& sql,
                     const Settlements& settlements, const Settled& settled);

}  // namespace sluice::postgres
