// The checks of a plugin's file before any of its code runs: kind, owner, permissions, ELF class and machine,
// and the ABI note. The code only reads the file.
#pragma once

#include <string>

#include "base/ownership.hpp"

namespace sluice::host {

/// Only its owners and those of the way to it. Throws Refusal.
void check_plugin_owners(const std::string& path, base::Ownership ownership);

/// Throws Refusal, to whose text the caller adds the file's name.
void check_plugin_file(const std::string& path, base::Ownership ownership = base::Ownership::check);

}  // namespace sluice::host
