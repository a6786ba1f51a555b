// Decides whether a plugin's file is trusted, by its owners, its lock and its signature.
#pragma once

#include <string>

#include "base/descriptor.hpp"
#include "base/ownership.hpp"
#include "trust/minisign.hpp"

namespace sluice::trust {

/// What [plugins] says. It is for the life of a runtime, so a reload can't relax it.
struct Policy {
  base::Ownership ownership = base::Ownership::check;
  bool strict = false;  ///< a file needs an entry in the lock, or a signature
  PublicKeys keys;
};

/// Checks the file at `path`, which is open as `file` (O_PATH). If its content is vouched for, by sluice.lock
/// beside it or by a signature in `path`.minisig, returns a sealed copy, which alone must be loaded. If
/// nothing vouches for it and nothing needs to, returns a closed descriptor. Throws base::Refusal.
base::Descriptor vet(const Policy& policy, const std::string& path, int file);

}  // namespace sluice::trust
