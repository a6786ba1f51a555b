// The user that a plugin host runs as, if it is another one than the runtime's. A value.
#pragma once

#include <sys/types.h>

#include <string>

namespace sluice::job {

struct HostUser {
  std::string name;
  std::string home;
  uid_t uid = 0;
  gid_t gid = 0;  ///< its only group
  bool operator==(const HostUser&) const = default;
};

}  // namespace sluice::job
