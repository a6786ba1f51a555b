// The clock for waiting and measuring.
#pragma once

#include "base/threads.hpp"

namespace sluice::engine {

using Clock = base::Clock;

}  // namespace sluice::engine
