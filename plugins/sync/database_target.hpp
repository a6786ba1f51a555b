// Writes rows through a connection of its own, all of a job's in one transaction, and keeps beside them what
// has been seen of the source.
#pragma once

#include <optional>

#include "connection.hpp"
#include "target.hpp"

namespace data_sync {

class ToDatabase : public Target {
 public:
  explicit ToDatabase(const DatabaseTarget& config);
  std::string row(const rapidjson::Value& record, const std::string& place) const override;
  std::optional<State> recall(const Scope& scope, const sluice::Job& job) override;
  Counts write(const Rows& rows, const Scope& scope, const std::optional<State>& state,
               const sluice::Job& job) override;

 private:
  Connection& open(const sluice::Job& job);
  Counts write_rows(const Rows& rows, const sluice::Job& job);
  void keep(const Scope& scope, const State& state, const sluice::Job& job);

  const DatabaseTarget& config_;
  const std::string upsert_;
  std::optional<Connection> connection_;  // none before the first use, and after it broke
};

}  // namespace data_sync
