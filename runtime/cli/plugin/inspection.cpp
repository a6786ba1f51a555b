#include "cli/plugin/inspection.hpp"

namespace sluice::cli {

namespace {

fleet::Options options(const config::Config& config) {
  fleet::Options options;
  options.start = false;
  options.start_timeout = config.start_timeout;
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
