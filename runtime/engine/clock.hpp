// The clock that waits and measurements go by.
#pragma once

#include "base/threads.hpp"

namespace sluice::engine {

using Clock = base::Clock;

}  // namespace sluice::engine
