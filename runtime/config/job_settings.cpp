#include "config/job_settings.hpp"

#include <algorithm>

#include "config/sandbox_references.hpp"

namespace sluice::config {

job::RetryPolicy policy_of(const job::TypeSpec& type, const Config& config) {
  job::RetryPolicy policy{config.max_attempts, config.backoff_first, config.backoff_cap, type.at_most_once};
  if (type.max_attempts > 0) policy.max_attempts = type.max_attempts;
  if (type.backoff_first.count() > 0) policy.backoff_first = type.backoff_first;
  if (type.backoff_cap.count() > 0) policy.backoff_cap = type.backoff_cap;
  if (const auto set = config.types.find(type.name); set != config.types.end()) {
    policy.max_attempts = set->second.max_attempts.value_or(policy.max_attempts);
    policy.backoff_first = set->second.backoff_first.value_or(policy.backoff_first);
    policy.backoff_cap = set->second.backoff_cap.value_or(policy.backoff_cap);
  }
  return policy;
}

std::vector<job::Microseconds> limits_of(const job::PluginSpec& plugin, const Config& config) {
  std::vector<job::Microseconds> limits;
  for (const job::TypeSpec& type : plugin.types) {
    limits.push_back(type.timeout.count() > 0 ? type.timeout : config.job_timeout);
    if (const auto set = config.types.find(type.name); set != config.types.end())
      limits.back() = set->second.timeout.value_or(limits.back());
  }
  return limits;
}

std::vector<job::Microseconds> cpu_limits_of(const job::PluginSpec& plugin, const Config& config) {
  std::vector<job::Microseconds> limits;
  for (const job::TypeSpec& type : plugin.types) {
    const auto set = config.types.find(type.name);
    const auto limit = set == config.types.end() ? std::nullopt : set->second.cpu_limit;
    limits.push_back(limit.value_or(job::Microseconds(0)));
  }
  return limits;
}

job::Sandbox sandbox_of(const job::PluginSpec& plugin, const Config& config) {
  const auto found = config.plugins.find(plugin.name);
  const PluginSettings settings = found == config.plugins.end() ? PluginSettings{} : found->second;
  return job::sandbox_of(resolved(job::parse_sandbox(settings.sandbox), settings.config),
                         resolved(job::parse_sandbox(plugin.sandbox), settings.config));
}

trust::Policy trust_of(const Config& config) {
  return {config.ownership, config.strict_files, trust::parse_keys(config.plugin_keys)};
}

bool has_sandbox(const Config& config) {
  return std::any_of(config.plugins.begin(), config.plugins.end(), [](const auto& plugin) {
    return job::sandbox_of(job::parse_sandbox(plugin.second.sandbox), {}).on;
  });
}

job::Strictness strictness_of(const job::PluginSpec& plugin, const Config& config) {
  job::Strictness strict;
  if (const auto found = config.plugins.find(plugin.name); found != config.plugins.end())
    strict.plugin = found->second.strict;
  for (const job::TypeSpec& type : plugin.types) {
    const auto found = config.types.find(type.name);
    if (found != config.types.end() && found->second.strict) strict.types[type.name] = *found->second.strict;
  }
  return strict;
}

}  // namespace sluice::config
