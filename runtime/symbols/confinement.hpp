// Keeps this program from anything but reading the files of a stack, because those may be made to attack it.
#pragma once

#include <string>
#include <vector>

namespace sluice::symbols {

/// From now on, this process may read `files`, `plugin` with the folder that it is in, what is open, and the
/// system's libraries and debug information. It may write to what is open. It may start no program or
/// process, open no socket, and signal no other process. Memory and processor time are bounded. `plugin` may
/// be empty. As far as the kernel can; throws std::runtime_error or std::system_error if it has no filters of
/// system calls.
void confine(const std::vector<std::string>& files, const std::string& plugin);

}  // namespace sluice::symbols
