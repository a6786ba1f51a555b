// Checks of a plugin until it is ready for jobs: it loads, its schemas are valid, it starts and stops, twice,
// and it reports what is wrong with a bad configuration. No handler is called.
#pragma once

#include "workshop/check.hpp"

namespace sluice::workshop {

/// Fills in `spec` if it passes.
Finding check_load(const CheckOptions& options, job::PluginSpec& spec);
Finding check_schema(const job::TypeSpec& type, std::chrono::microseconds limit);
/// Checks the schema of the plugin's configuration. `configured`: the configuration that somebody wrote,
/// whose unused members the finding lists.
Finding check_config_schema(const job::PluginSpec& spec, const std::optional<std::string>& configured,
                            std::chrono::microseconds limit);
/// Checks a configuration against that schema, without starting a host.
Finding check_by_config_schema(const job::PluginSpec& spec, const std::string& config,
                               std::chrono::microseconds limit);
/// Starts the plugin in a new host, and stops it. `configured`: its configuration, if somebody wrote one.
Finding check_start(const CheckOptions& options, const job::PluginSpec& spec,
                    const std::optional<std::string>& configured);
Finding check_bad_config(const CheckOptions& options, const job::PluginSpec& spec, const std::string& config);

}  // namespace sluice::workshop
