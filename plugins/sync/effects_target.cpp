#include "effects_target.hpp"

#include "trouble.hpp"

namespace data_sync {

void ToEffects::check(const sluice::Job& job) const {
  if (job.extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS) != nullptr) return;
  throw Trouble("no-effects",
                "this plugin has no database role to write to " + config_.table +
                    "; set role under [plugin.sync] and run sluice init, or set url_file of the target");
}

Row ToEffects::row(const rapidjson::Value& record) const {
  return database_row(record, config_);
}

Counts ToEffects::write(Rows& rows, bool, const Scope&, const std::optional<State>&, const sluice::Job& job) {
  for (const Batch& batch : batches_of(rows.all(), config_.batch_rows)) {
    job.execute(batch.deleted ? sql_.removal() : sql_.upsert(batch.shapes),
                {array_of(batch.rows, 0, batch.rows.size())});
  }
  return {};
}

}  // namespace data_sync
