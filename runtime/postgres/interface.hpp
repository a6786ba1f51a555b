// The interface that this room implements. Its names stand here without their namespace.
#pragma once

#include "store/store.hpp"

namespace sluice::postgres {

using namespace store;

}  // namespace sluice::postgres
