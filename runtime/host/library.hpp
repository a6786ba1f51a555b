// A plugin's shared library, open in this process for ever, and its descriptor, checked.
#pragma once

#include <sluice/plugin.h>

#include <string>

#include "job/plugin_spec.hpp"

namespace sluice::host {

struct Library {
  const sluice_plugin* descriptor;
  job::PluginSpec spec;
};

/// Opens `path`, which has passed check_plugin_file: runs its static initialisers, but no function of the
/// plugin. Throws Refusal.
Library open_library(const std::string& path);

}  // namespace sluice::host
