// What a runtime tells others about its configuration, so that they can see how runtimes differ.
#pragma once

#include <string>

#include "config/config.hpp"

namespace sluice::engine {

/// A JSON object of texts: each key whose value is not the default, with its value as the file writes it. Of
/// a key that may hold secrets, such as a plugin's configuration, it only says that it is set. What differs
/// by nature between runtimes, such as the address that one listens on, is left out.
std::string published_settings(const config::Config& config);

}  // namespace sluice::engine
