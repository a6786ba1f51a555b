// Configurations that a plugin should either refuse with a reason or accept, without crashing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::workshop {

/// At most a dozen, each a JSON object, made from the plugin's configuration schema and from a configuration
/// that it accepts.
std::vector<std::string> bad_configs(const std::string& schema, const std::string& config,
                                     std::uint64_t seed);

}  // namespace sluice::workshop
