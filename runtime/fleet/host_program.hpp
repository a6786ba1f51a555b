// Where the program of plugin hosts is.
#pragma once

#include <string>

namespace sluice::fleet {

/// What to execute for a plugin host: `sluice-host`, which is beside this program or, where that is installed
/// in PREFIX/bin, in PREFIX/libexec/sluice. Found at the first call and held open from then on, so that an
/// upgrade of the package changes nothing for a runtime that is at work. Throws std::runtime_error where it
/// is in neither place.
std::string host_program();

}  // namespace sluice::fleet
