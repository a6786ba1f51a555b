#include "effects_target.hpp"

#include "trouble.hpp"
#include "upsert.hpp"

namespace data_sync {

ToEffects::ToEffects(const DatabaseTarget& config) : config_(config), upsert_(upsert(config)) {}

void ToEffects::check(const sluice::Job& job) const {
  if (job.extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS) != nullptr) return;
  throw Trouble("no-effects",
                "no database role is granted to this plugin, under which it could write to " + config_.table +
                    "; set role under [plugin.sync] and run sluice init, or set url_file of the "
                    "target");
}

std::string ToEffects::row(const rapidjson::Value& record, const std::string& place) const {
  return database_row(record, config_, place);
}

Counts ToEffects::write(const Rows& rows, const Scope&, const std::optional<State>&, const sluice::Job& job) {
  for (std::size_t first = 0; first < rows.size(); first += config_.batch_rows) {
    job.execute(upsert_, {array_of(rows, first, config_.batch_rows)});
  }
  return {};
}

}  // namespace data_sync
