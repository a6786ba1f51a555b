// How a plugin's handlers run jobs: the examples, many at once, when asked to stop, with odd payloads, and
// over many jobs. They really run, with all their side effects.
#pragma once

#include "workshop/check.hpp"

namespace sluice::workshop {

/// Reports a finding for each check and type, and finally one about all results.
void check_handlers(const CheckOptions& options, const job::PluginSpec& spec, const std::string& config,
                    const std::function<void(const Finding&)>& tell);

}  // namespace sluice::workshop
