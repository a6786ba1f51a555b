// Sends rows to an API. Each request has an Idempotency-Key, so that the server can drop repeated requests.
#pragma once

#include "http_client.hpp"
#include "target.hpp"

namespace data_sync {

class ToApi : public Target {
 public:
  explicit ToApi(const ApiTarget& config) : config_(config), client_(config.endpoint) {}
  const Records& rules() const override { return config_.records; }
  Row row(const rapidjson::Value& record) const override;
  Counts write(Rows& rows, bool all, const Scope& scope, const std::optional<State>& state,
               const sluice::Job& job) override;

 private:
  const ApiTarget& config_;
  HttpClient client_;
};

}  // namespace data_sync
