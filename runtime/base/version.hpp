#pragma once

#include <string_view>

namespace sluice::base {

/// The version of this program, "0.1.0".
std::string_view version();

}  // namespace sluice::base
