// The name of this machine.
#pragma once

#include <unistd.h>

#include <array>
#include <string>

namespace sluice::base {

/// As a runtime enlists with it, and as `sluice reload` looks for the runtimes that a signal can reach.
inline std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace sluice::base
