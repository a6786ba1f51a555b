// The clock that waits and measurements go by.
#pragma once

#include <chrono>

namespace sluice::engine {

using Clock = std::chrono::steady_clock;

}  // namespace sluice::engine
