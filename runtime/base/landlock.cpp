#include "base/landlock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace sluice::base {

int landlock_version() {
  constexpr unsigned ask_version = 1;
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
  return static_cast<int>(std::max(version, 0L));
}

}  // namespace sluice::base
