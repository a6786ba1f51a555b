// Finds the programs that belong to this one.
#pragma once

#include <string>

namespace sluice::fleet {

/// What to execute for a plugin host: `sluice-host`, which is next to this program or, if that is installed
/// in PREFIX/bin, in PREFIX/libexec/sluice. It is found at the first call and held open from then on, so an
/// upgrade of the package does not affect a running runtime. Throws std::runtime_error if it is in neither
/// place.
std::string host_program();
/// Likewise `sluice-symbols`, which names the frames of a stack.
std::string symbols_program();

}  // namespace sluice::fleet
