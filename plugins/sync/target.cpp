#include "target.hpp"

#include "api_target.hpp"
#include "database_target.hpp"
#include "effects_target.hpp"

namespace data_sync {

std::unique_ptr<Target> make_target(const TargetConfig& config) {
  if (const auto* api = std::get_if<ApiTarget>(&config)) return std::make_unique<ToApi>(*api);
  const auto& database = std::get<DatabaseTarget>(config);
  if (database.own_connection) return std::make_unique<ToDatabase>(database);
  return std::make_unique<ToEffects>(database);
}

}  // namespace data_sync
