// What a runtime publishes about the limits of a job type and about plugin hosts, as JSON for pages.
#pragma once

#include <string>
#include <vector>

#include "fleet/fleet.hpp"
#include "job/retry_policy.hpp"

namespace sluice::engine {

/// The limits in force of the type that is number `index` of those that the plugin declares: an object.
/// `concurrency`: 0: as many as the plugin takes.
std::string limits_of(const fleet::Plugin& plugin, std::size_t index, const job::RetryPolicy& policy,
                      int concurrency);

/// What each host takes: an array.
std::string figures_of(const std::vector<fleet::HostFigures>& hosts);

}  // namespace sluice::engine
