// Configurations that a plugin should refuse in words, or take, but not die of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::workshop {

/// A dozen at most, each a JSON object, made from the plugin's configuration schema and from one that it
/// takes.
std::vector<std::string> bad_configs(const std::string& schema, const std::string& config,
                                     std::uint64_t seed);

}  // namespace sluice::workshop
