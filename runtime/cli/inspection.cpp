#include "cli/inspection.hpp"

namespace sluice::cli {

namespace {

fleet::Options options(const base::Config& config) {
  fleet::Options options;
  options.start = false;
  options.start_timeout = config.start_timeout;
  for (const auto& [type, settings] : config.types) {
    if (settings.plugin) options.owners[type] = *settings.plugin;
  }
  return options;
}

}  // namespace

Inspection::Inspection(const base::Config& config, const std::vector<std::string>& files)
    : fleet_(options(config), *this) {
  fleet_.load(files, false);
  fleet_.post([this] { end_when_answered(); });
  fleet_.release();
  fleet_.run();
}

void Inspection::changed(std::size_t) {
  end_when_answered();
}

void Inspection::settled() {
  end_when_answered();
}

void Inspection::returned(std::vector<job::Finished>) {}

void Inspection::end_when_answered() {
  for (const fleet::Plugin& plugin : fleet_.plugins()) {
    if (plugin.state == fleet::PluginState::loading) return;
  }
  fleet_.stop(std::chrono::seconds(1));
}

}  // namespace sluice::cli
