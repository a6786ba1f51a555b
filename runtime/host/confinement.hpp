// Applies a plugin's sandbox to its host, before the plugin is loaded. So code that a library runs while it
// is loaded, and processes and threads that it starts, are confined as well.
#pragma once

#include <string>

#include "job/sandbox.hpp"

namespace sluice::host {

/// For the calling thread and all that it starts from now on; no other may exist. `plugin` is the file that
/// will be loaded, and `place` its path, whose folder may be read. Throws Refusal if a path of the sandbox
/// can't be opened, and std::system_error.
void confine(const job::Sandbox& sandbox, const std::string& plugin, const std::string& place);

}  // namespace sluice::host
