// The plugin host: the process that loads one plugin and runs its handlers. The runtime starts it as
// `sluice-host PATH VERSION`, with what wire/descriptors.hpp says.
#pragma once

#include "wire/shared_page.hpp"

namespace sluice::host {

/// The whole life of the process; returns its exit code. If the runtime goes away, the process ends at once,
/// whatever its handlers do, because their jobs will be rescued and must not run twice at the same time.
int run_plugin_host();

/// The same in the calling thread of a process that continues, for debuggers: serves the other end of
/// `socket` until told to stop. If that end is closed before, the process ends.
void serve_plugin(int socket, wire::SharedPage page);

}  // namespace sluice::host
