// What a plugin's file tells before any function of it is called: may it be loaded, what does it show to
// others, what does it need.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "workshop/finding.hpp"

namespace sluice::workshop {

/// The checks of the file at `path`, each in a child process that may take `limit`. When the first fails, the
/// others are skipped.
std::vector<Finding> check_file(const std::string& path, std::chrono::microseconds limit);

}  // namespace sluice::workshop
