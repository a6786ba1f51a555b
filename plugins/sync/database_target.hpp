// Writes rows through its own connection, all rows of a job in one transaction, together with the state of
// the source.
#pragma once

#include <optional>
#include <vector>

#include "connection.hpp"
#include "target.hpp"
#include "upsert.hpp"

namespace data_sync {

class ToDatabase : public Target {
 public:
  explicit ToDatabase(const DatabaseTarget& config) : config_(config) {}
  const Records& rules() const override { return config_.records; }
  Row row(const rapidjson::Value& record) const override { return database_row(record, config_); }
  bool removes_missing() const override { return config_.remove_missing; }
  std::optional<State> recall(const Scope& scope, const sluice::Job& job) override;
  Counts write(Rows& rows, bool all, const Scope& scope, const std::optional<State>& state,
               const sluice::Job& job) override;

 private:
  struct Writing;

  Connection& open(const sluice::Job& job);
  ColumnTypes types(const sluice::Job& job);
  Counts write_rows(Rows& rows, bool all, const sluice::Job& job);
  void write_batch(const Batch& batch, std::size_t first, std::size_t end, Writing& writing);
  void write_some(const Batch& batch, std::size_t first, std::size_t end, Writing& writing);
  BadRecord blamed(const Row& row, const BadRecord& error, Writing& writing);
  std::size_t remove_missing(Writing& writing);
  void keep(const Scope& scope, const State& state, const sluice::Job& job);
  void keep_beside(const Scope& scope, const std::string& parameters, const std::string& text,
                   const sluice::Job& job);

  const DatabaseTarget& config_;
  std::optional<Connection> connection_;  // empty before the first use
};

}  // namespace data_sync
