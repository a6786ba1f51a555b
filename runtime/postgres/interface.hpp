// The interface that this folder implements. Its names are used here without their namespace.
#pragma once

#include "store/store.hpp"

namespace sluice::postgres {

using namespace store;

}  // namespace sluice::postgres
