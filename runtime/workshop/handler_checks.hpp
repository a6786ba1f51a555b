// What a plugin's handlers do with jobs: its examples, many at once, when asked to stop, with odd payloads,
// and over many jobs. They run for real, with all their effects.
#pragma once

#include "workshop/check.hpp"

namespace sluice::workshop {

/// Tells a finding for each check and type, and at the end one about the results of all.
void check_handlers(const CheckOptions& options, const job::PluginSpec& spec, const std::string& config,
                    const std::function<void(const Finding&)>& tell);

}  // namespace sluice::workshop
