// Runs a check in its own process, so a crash or a hang becomes a finding.
#pragma once

#include <chrono>
#include <functional>

#include "workshop/finding.hpp"

namespace sluice::workshop {

/// Calls `check` in a forked child, whose output is discarded, and returns its finding. A Refusal that it
/// throws, its crash, and a hang beyond `limit` become findings too. The calling process must have one
/// thread.
Finding in_child(const std::function<Finding()>& check, std::chrono::microseconds limit);

}  // namespace sluice::workshop
