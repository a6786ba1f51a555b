// Processes that plugins left behind. A host adopts the orphans among its descendants, and this process those
// of a host that has ended. It ends them, so that nothing of a plugin outlives its host.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

namespace sluice::fleet {

/// From now on this process adopts the orphans among its descendants.
void adopt_orphans();

/// A child that this process started and will wait for. It is no orphan until forget_child(). [any-thread]
void know_child(pid_t child);
void forget_child(pid_t child);

struct Orphans {
  int killed = 0;       ///< now, with what they had started
  int left = 0;         ///< that have not ended yet; when one does, this process gets SIGCHLD
  std::string example;  ///< "chrome --headless (4711)", if any was killed
};
/// Kills the orphans of hosts that have ended, with all their descendants, and waits for those that have
/// ended. Other orphans, which a process with the number 1 has, and children from before this program was
/// executed, live on. They are only waited for when they have ended.
Orphans end_orphans();

/// The same until none is left, or the time is over. Returns how many are left.
int end_all_orphans(std::chrono::milliseconds patience);

}  // namespace sluice::fleet
