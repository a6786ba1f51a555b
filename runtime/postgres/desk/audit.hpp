// Records what is done by hand, in the transaction that does it. Inside runtime/postgres only.
#pragma once

#include <map>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

using Details = std::map<std::string, std::string>;

/// Without an actor it does nothing.
class Audit {
 public:
  void act_as(const Actor& actor) { actor_ = actor; }
  std::string actor() const { return actor_ ? actor_->name : std::string(); }

  /// Returns the row's id; 0: nothing was recorded.
  std::int64_t note(pqxx::transaction_base& transaction, const std::string& action, const Details& details,
                    const std::vector<std::string>& ids, std::size_t affected) const;
  /// Records that the walk goes on, and what the last batch changed.
  void note(pqxx::transaction_base& transaction, const std::string& action, const JobFilter& filter,
            Walk& walk, std::size_t changed) const;
  /// Adds to the row; does nothing if it is 0.
  void add(pqxx::transaction_base& transaction, std::int64_t row, std::size_t affected,
           bool over = true) const;

 private:
  std::int64_t begin(pqxx::transaction_base& transaction, const std::string& action, const JobFilter& filter,
                     const std::string& begun) const;

  std::optional<Actor> actor_;
};

}  // namespace sluice::postgres
