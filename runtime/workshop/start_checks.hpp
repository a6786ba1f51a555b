// What a plugin does until it takes jobs: it loads, its schemas are sound, it starts and stops, twice, and
// says what is wrong with a bad configuration. No handler is called.
#pragma once

#include "workshop/check.hpp"

namespace sluice::workshop {

/// Fills in `spec` where it passes.
Finding check_load(const CheckOptions& options, job::PluginSpec& spec);
Finding check_schema(const job::TypeSpec& type, std::chrono::microseconds limit);
/// The schema of the plugin's configuration.
/// `configured`: what somebody wrote for it, of which the finding says what nothing reads.
Finding check_config_schema(const job::PluginSpec& spec, const std::optional<std::string>& configured,
                            std::chrono::microseconds limit);
/// A configuration by that schema; no host is started for it.
Finding check_by_config_schema(const job::PluginSpec& spec, const std::string& config,
                               std::chrono::microseconds limit);
/// Starts the plugin in a new host, and stops it. `configured`: its configuration, where somebody wrote one.
Finding check_start(const CheckOptions& options, const job::PluginSpec& spec,
                    const std::optional<std::string>& configured);
Finding check_bad_config(const CheckOptions& options, const job::PluginSpec& spec, const std::string& config);

}  // namespace sluice::workshop
