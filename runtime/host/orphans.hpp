// The orphans among the descendants of a plugin host. The host adopts them, so that they are its children
// when it ends, and the runtime then finds and kills them (fleet/orphans.hpp).
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/threads.hpp"

namespace sluice::host {

/// For the host's main thread, which is the one that adopts. A child that the plugin starts in another thread
/// belongs to that thread as long as it exists.
class Orphans {
 public:
  /// From now on the host adopts orphans, for the life of the process. No plugin may have run before.
  void adopt();
  /// The plugin has run in the main thread. What is a child now may be one that it waits for itself.
  void spare_present();
  /// Waits for orphans that ended some seconds ago, which nobody else would. To be called now and then.
  void look();

  /// How often there is something to do.
  static constexpr std::chrono::seconds interval{5};

 private:
  std::vector<pid_t> ended() const;

  bool waits_ = false;
  std::set<pid_t> spared_;
  base::Clock::time_point next_look_{};
  std::map<pid_t, base::Clock::time_point> seen_;  // orphans that had ended, and when that was first seen
};

}  // namespace sluice::host
