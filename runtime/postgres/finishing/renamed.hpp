// Jobs whose id an application changed while they ran: their outcome finds no row under the id that was
// claimed. Inside runtime/postgres only.
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
  std::vector<std::size_t> indices;         ///< among the settlements that were looked for
  std::deque<job::Settlement> settlements;  ///< one for each of these

  /// As what the statements take. They live as long as this.
  Settlements all() const;
  /// Adds what came of all() to what came of the others.
  void add(const Settled& of_these, Settled& settled) const;
};

/// Looks, with the statement `renamed` in `sql`, for those of `settlements` that are neither applied nor
/// locked. Where several rows look alike, nobody knows which outcome is whose: each becomes an error that
/// says so.
Renamed find_renamed(pqxx::transaction_base& transaction, const std::string& sql,
                     const Settlements& settlements, const Settled& settled);

}  // namespace sluice::postgres
