#include "cli/plugin/inspection.hpp"

#include "config/host_users.hpp"
#include "config/job_settings.hpp"

namespace sluice::cli {

namespace {

fleet::Options options(const config::Config& config) {
  fleet::Options options;
  options.start = false;
  options.start_timeout = config.start_timeout;
  options.settings = [&config](const job::PluginSpec& plugin) {
    fleet::HostSettings settings;
    settings.sandbox = config::sandbox_of(plugin, config);
    if (const auto set = config.plugins.find(plugin.name); set != config.plugins.end())
      settings.host_limits = set->second.limits;
    settings.user = config::user_of(plugin.name, config);
    return settings;
  };
  options.trust = config::trust_of(config);
  options.first_user = [&config] { return config::first_user(config); };
  options.wary = [wary = config::has_sandbox(config)] { return wary; };
  for (const auto& [type, settings] : config.types) {
    if (settings.plugin) options.owners[type] = *settings.plugin;
  }
  return options;
}

}  // namespace

Inspection::Inspection(const config::Config& config, const std::vector<std::string>& files)
    : fleet_(options(config), *this) {
  fleet_.load(files);
  fleet_.release();
  fleet_.run();
}

void Inspection::on_round_end() {
  fleet_.stop(std::chrono::seconds(1));
}

void Inspection::on_returned(std::vector<job::Finished>) {}

}  // namespace sluice::cli
