// Who changes something by hand, for sluice.audit.
#pragma once

#include <string>

namespace sluice::store {

struct Actor {
  std::string name;    ///< "user@host" for a command, the user's name for the dashboard
  std::string role;    ///< of the dashboard's or an assistant's user; empty for a command
  std::string source;  ///< "cli", "dashboard" or "mcp"
};

}  // namespace sluice::store
