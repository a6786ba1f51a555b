// What is checked of a plugin's file before any code of it runs: kind, owner, permissions, ELF class
// and machine, and the ABI note. It only reads the file.
#pragma once

#include <string>

namespace sluice::host {

/// Throws Refusal, whose text leaves the file's name to the caller.
void check_plugin_file(const std::string& path);

}  // namespace sluice::host
