// A check in a process of its own, so that a crash or a hang is a finding and not the end.
#pragma once

#include <chrono>
#include <functional>

#include "workshop/finding.hpp"

namespace sluice::workshop {

/// Calls `check` in a forked child, whose output goes nowhere, and returns its finding; a Refusal that it
/// throws, its crash, and a hang beyond `limit` are findings too. The calling process must have one thread.
Finding in_child(const std::function<Finding()>& check, std::chrono::microseconds limit);

}  // namespace sluice::workshop
