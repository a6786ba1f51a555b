// The system calls that this process and its children may make, enforced by the kernel (seccomp). A filter
// can't be removed, and each further one only refuses more. Refused calls fail with EPERM.
#pragma once

#include "job/sandbox.hpp"

namespace sluice::walls {

/// Refuses what no handler needs: inspecting other processes, signals to the runtime, which is this process's
/// parent, the priorities and limits of others, mounting, namespaces, loading code into the kernel, setting
/// the clock, other ABIs than the machine's own. The process and its children can't gain rights by setuid
/// programs any more. `signals_scoped`: as wall_off() returned it. Throws std::runtime_error if the kernel
/// has no filters.
void refuse_dangerous_calls(bool signals_scoped);

/// Refuses what a sandboxed plugin may not do: start programs, use sockets.
void refuse_calls_beyond(const job::Sandbox& sandbox);

/// For a process that only reads files: refuses to start processes and threads, signals to any process, this
/// one included, and to open files for writing or change what the file system says of them.
void refuse_all_but_reading();

}  // namespace sluice::walls
