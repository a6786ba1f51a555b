// What a plugin's file tells before any of its functions is called: whether it may be loaded, what it exposes
// to others, and what it needs.
#pragma once

#include <vector>

#include "workshop/check.hpp"

namespace sluice::workshop {

/// The wanted checks of the file, each in a child process that may take `start_timeout`. The first one,
/// `file`, always runs. If it fails, the others are skipped.
std::vector<Finding> check_file(const CheckOptions& options);

}  // namespace sluice::workshop
