// What a plugin needs is often known only by its configuration: a folder of templates, the port of a server.
// So a sandbox may refer to it.
#pragma once

#include <string>

#include "job/sandbox.hpp"

namespace sluice::config {

/// The table with its references replaced by what `config`, the plugin's configuration, has there:
///
/// - in `read` and `write`, the paths, if they exist. One that ends in "/.." is the folder of such a file,
///   because a file that replaces another one is a different one to the kernel. If that folder is / or
///   directly below it, it is the file;
/// - in `connect`, a number, or the port of a URL, and 53 with it, because the name in a URL is looked up;
/// - as `spawn`, true if there is anything.
///
/// What the configuration does not have is left out.
job::SandboxTable resolved(job::SandboxTable table, const std::string& config);

}  // namespace sluice::config
