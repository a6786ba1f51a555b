// Landlock, the kernel's way to restrict what a process may reach.
#pragma once

namespace sluice::base {

/// The version that the running kernel has; 0: none.
int landlock_version();

}  // namespace sluice::base
