#include "job/strictness.hpp"

namespace sluice::job {

bool Strictness::of(const std::string& type) const {
  const auto found = types.find(type);
  return found == types.end() ? plugin : found->second;
}

Strictness strictness_of(const PluginSpec& plugin, const base::Config& config) {
  Strictness strict;
  if (const auto found = config.plugins.find(plugin.name); found != config.plugins.end())
    strict.plugin = found->second.strict;
  for (const TypeSpec& type : plugin.types) {
    const auto found = config.types.find(type.name);
    if (found != config.types.end() && found->second.strict) strict.types[type.name] = *found->second.strict;
  }
  return strict;
}

}  // namespace sluice::job
