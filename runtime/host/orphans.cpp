#include "host/orphans.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace sluice::host {

namespace {

/// Those of the main thread, whether they have ended or not; nullopt if the kernel has no such list.
std::optional<std::vector<pid_t>> listed_children() {
  std::ifstream file("/proc/self/task/" + std::to_string(getpid()) + "/children");
  if (!file) return std::nullopt;
  std::vector<pid_t> children;
  for (pid_t child = 0; file >> child;) children.push_back(child);
  return children;
}

/// A child of this thread that has ended, any or this one; 0 if there is none. -1 if there is no child at
/// all.
pid_t peek(idtype_t which, pid_t child) {
  siginfo_t info{};
  const int result =
      waitid(which, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD);
  return result == 0 ? info.si_pid : -1;
}

}  // namespace

void Orphans::adopt() {
  waits_ = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

void Orphans::spare_present() {
  if (const auto children = listed_children()) {
    spared_.insert(children->begin(), children->end());
  } else if (peek(P_ALL, 0) >= 0) {
    waits_ = false;  // they could not be told apart
  }
}

/// Without the kernel's list, the first one only.
std::vector<pid_t> Orphans::ended() const {
  auto children = listed_children();
  if (!children) children = {peek(P_ALL, 0)};
  std::erase_if(*children, [this](pid_t child) {
    return child <= 0 || spared_.contains(child) || peek(P_PID, child) != child;
  });
  return *children;
}

/// A plugin may have started a child in a thread that has ended, and wait for it in another one. So orphans
/// are waited for only some time after they ended.
void Orphans::look() {
  const auto now = base::Clock::now();
  if (!waits_ || now < next_look_) return;
  next_look_ = now + interval;
  std::map<pid_t, base::Clock::time_point> seen;
  for (const pid_t orphan : ended()) {
    const auto known = seen_.find(orphan);
    const auto since = known == seen_.end() ? now : known->second;
    if (now - since < interval || waitpid(orphan, nullptr, WNOHANG) != orphan) seen.emplace(orphan, since);
  }
  seen_ = std::move(seen);
}

}  // namespace sluice::host
