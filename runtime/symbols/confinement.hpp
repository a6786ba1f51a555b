// Keeps this program from anything but reading the files of a stack, because those may be made to attack it.
#pragma once

#include <string>
#include <vector>

namespace sluice::symbols {

/// From now on, this process reads only `files`, what is open, `place`, the folder of `plugin`, and the
/// system's libraries and debug information. Of `files`, which a plugin may have made up, only regular files
/// count. It writes only to what is open, starts no program or process, opens no socket, and signals no
/// process. Its memory and processor time are bounded. A kernel without Landlock does not restrict what it
/// reads. `plugin` and `place` may be empty. Throws std::runtime_error or std::system_error if the kernel has
/// no filters of system calls.
void confine(const std::vector<std::string>& files, const std::string& plugin, const std::string& place);

}  // namespace sluice::symbols
