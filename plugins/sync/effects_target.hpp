// Writes rows as effects of the job: in the transaction that marks it done, under the plugin's role. Effects
// can't read, so changes are not counted, and no state is kept.
#pragma once

#include "target.hpp"
#include "upsert.hpp"

namespace data_sync {

class ToEffects : public Target {
 public:
  explicit ToEffects(const DatabaseTarget& config) : config_(config), sql_(config) {}
  void check(const sluice::Job& job) const override;
  const Records& rules() const override { return config_.records; }
  Row row(const rapidjson::Value& record) const override;
  Counts write(Rows& rows, bool all, const Scope& scope, const std::optional<State>& state,
               const sluice::Job& job) override;

 private:
  const DatabaseTarget& config_;
  const Sql sql_;
};

}  // namespace data_sync
