// Where members that nothing reads are an error, and not only a line in the log.
#pragma once

#include <map>
#include <string>

#include "base/config.hpp"
#include "job/plugin_spec.hpp"

namespace sluice::job {

struct Strictness {
  bool plugin = false;                ///< its configuration, and the types that are not among `types`
  std::map<std::string, bool> types;  ///< by name

  bool of(const std::string& type) const;
  bool operator==(const Strictness&) const = default;
};

/// What the configuration says of a plugin and its types.
Strictness strictness_of(const PluginSpec& plugin, const base::Config& config);

}  // namespace sluice::job
