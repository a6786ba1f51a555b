#include "cli/jobs/job_repro.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/plugin/inspection.hpp"
#include "cli/runtime/secrets.hpp"
#include "config/job_settings.hpp"
#include "workshop/file_digest.hpp"

namespace sluice::cli {

namespace {

std::string as_json(const store::Attempt& attempt) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  write_attempt(writer, attempt);
  return {buffer.GetString(), buffer.GetSize()};
}

Repro repro_of(const store::JobDetails& details) {
  Repro repro;
  repro.id = details.job.id;
  repro.type = details.job.type;
  repro.status = details.state.status;
  repro.attempt = std::max(details.job.attempts, 1);
  repro.max_attempts = std::max(details.max_attempts, repro.attempt);
  repro.created_at = details.job.created.iso;
  repro.payload = details.payload;
  repro.plugin.name = details.plugin;
  repro.plugin.version = details.plugin_version;
  if (details.attempts.empty()) return repro;
  const store::Attempt& last = details.attempts.back();
  repro.attempt = std::max(last.number, 1);
  repro.last_attempt = as_json(last);
  if (!last.plugin.empty()) repro.plugin = {last.plugin, last.version, last.build_id, {}, {}};
  return repro;
}

std::string build_words(const std::string& version, const std::string& build_id) {
  return "version " + version + (build_id.empty() ? "" : " (build " + build_id + ")");
}

/// The plugin's file as it is now.
void add_plugin_file(Repro& repro, const fleet::Plugin& found, const config::Config& config,
                     const Note& note) {
  repro.plugin.file = found.path;
  repro.plugin.sha256 = workshop::sha256_of(found.path);
  if (found.spec.version != repro.plugin.version ||
      (!repro.plugin.build_id.empty() && found.spec.build_id != repro.plugin.build_id)) {
    note(found.path + " is " + build_words(found.spec.version, found.spec.build_id) +
         " by now; the job ran in " + build_words(repro.plugin.version, repro.plugin.build_id));
  }
  const auto limits = config::limits_of(found.spec, config);
  for (std::size_t i = 0; i < found.spec.types.size(); ++i) {
    if (found.spec.types[i].name == repro.type) repro.timeout = limits[i];
  }
}

/// The schema that the plugin declares for its configuration; empty if the plugin is not there.
std::string look_for_plugin(Repro& repro, const config::Config& config, const Note& note) {
  const auto not_found = [&](const std::string& why) {
    note(why + ", so the repro does not name its file; give it with --plugin when you run it");
    return std::string();
  };
  if (repro.plugin.name.empty()) return not_found("no plugin has ever served the type " + repro.type);
  if (config.plugin_directory.empty()) return not_found("no plugin directory is configured");
  const Inspection inspection(config, fleet::find_plugins(config.plugin_directory));
  const auto& all = inspection.plugins();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const auto& one) { return one.spec.name == repro.plugin.name; });
  if (found == all.end())
    return not_found("plugin " + repro.plugin.name + " is not in '" + config.plugin_directory + "'");
  add_plugin_file(repro, *found, config, note);
  return found->spec.config_schema;
}

void add_settings(Repro& repro, const config::Config& config, const std::string& schema, const Note& note) {
  const auto found = config.plugins.find(repro.plugin.name);
  const config::PluginSettings settings =
      found == config.plugins.end() ? config::PluginSettings{} : found->second;
  Redacted redacted = without_secrets(settings.config, schema);
  repro.config = std::move(redacted.json);
  repro.left_out = std::move(redacted.left_out);
  repro.slots = settings.slots;
  repro.limits = settings.limits;
  if (repro.left_out.empty()) return;
  std::vector<std::string> keys;
  for (const std::string& pointer : repro.left_out) keys.push_back(dotted(pointer));
  note("these secrets of the plugin's configuration were left out: " + base::joined(keys) +
       "; give them with --set or --config when you run it");
}

}  // namespace

Repro make_repro(const store::JobDetails& details, const config::Config& config, const Note& note) {
  Repro repro = repro_of(details);
  const std::string schema = look_for_plugin(repro, config, note);
  add_settings(repro, config, schema, note);
  return repro;
}

}  // namespace sluice::cli
