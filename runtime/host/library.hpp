// A plugin's shared library, which stays open in this process, and its checked descriptor.
#pragma once

#include <sluice/plugin.h>

#include <string>

#include "job/plugin_spec.hpp"

namespace sluice::host {

struct Library {
  const sluice_plugin* descriptor;
  job::PluginSpec spec;
};

/// Opens `path`, which must have passed check_plugin_file. This runs its static initialisers, but no function
/// of the plugin. Throws Refusal.
Library open_library(const std::string& path);

}  // namespace sluice::host
