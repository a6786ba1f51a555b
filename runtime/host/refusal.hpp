// Why a plugin was refused.
#pragma once

#include "base/refusal.hpp"

namespace sluice::host {

using base::Refusal;

}  // namespace sluice::host
