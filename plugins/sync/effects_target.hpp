// Writes rows as effects of the job: in the transaction that marks it done, under the role that the operator
// granted. Nothing can be read there, so what changed is not counted, and no state is kept.
#pragma once

#include "target.hpp"

namespace data_sync {

class ToEffects : public Target {
 public:
  explicit ToEffects(const DatabaseTarget& config);
  void check(const sluice::Job& job) const override;
  std::string row(const rapidjson::Value& record, const std::string& place) const override;
  Counts write(const Rows& rows, const Scope& scope, const std::optional<State>& state,
               const sluice::Job& job) override;

 private:
  const DatabaseTarget& config_;
  const std::string upsert_;
};

}  // namespace data_sync
