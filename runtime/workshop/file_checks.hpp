// What a plugin's file tells before any function of it is called: may it be loaded, what does it show to
// others, what does it need.
#pragma once

#include <vector>

#include "workshop/check.hpp"

namespace sluice::workshop {

/// The wanted checks of the file, each in a child process that may take `start_timeout`; the first, `file`,
/// always. When that one fails, the others are skipped.
std::vector<Finding> check_file(const CheckOptions& options);

}  // namespace sluice::workshop
