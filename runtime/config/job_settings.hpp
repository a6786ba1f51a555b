// What the configuration says of plugins and their job types.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "job/plugin_spec.hpp"
#include "job/retry_policy.hpp"
#include "job/sandbox.hpp"
#include "job/strictness.hpp"
#include "trust/vetting.hpp"

namespace sluice::config {

/// The policy of a type: the operator's values, then the plugin's, then those of [retry].
job::RetryPolicy policy_of(const job::TypeSpec& type, const Config& config);

/// How long an attempt may take, by type, 0 for no limit: the operator's value, then the plugin's, then that
/// of [runtime].
std::vector<job::Microseconds> limits_of(const job::PluginSpec& plugin, const Config& config);

/// How much processor time an attempt may use, by type, 0 for no limit: the operator's value.
std::vector<job::Microseconds> cpu_limits_of(const job::PluginSpec& plugin, const Config& config);

/// The operator's table, then the plugin's.
job::Sandbox sandbox_of(const job::PluginSpec& plugin, const Config& config);

/// Which plugin files are loaded.
trust::Policy trust_of(const Config& config);

/// True if the configuration restricts a plugin.
bool has_sandbox(const Config& config);

job::Strictness strictness_of(const job::PluginSpec& plugin, const Config& config);

}  // namespace sluice::config
