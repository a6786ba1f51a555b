#include "fleet/orphans.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/descriptor.hpp"
#include "base/harmless.hpp"
#include "base/threads.hpp"
#include "fleet/process_tree.hpp"

namespace sluice::fleet {

namespace {

struct Children {
  base::Mutex mutex;
  std::set<pid_t> known GUARDED_BY(mutex);
  std::set<pid_t> condemned GUARDED_BY(mutex);  // orphans that were killed and have not been waited for
};

/// One for the process, like the children themselves.
Children& children() {
  static Children all;
  return all;
}

/// How many filters of system calls bind a process; nullopt if the kernel does not tell.
std::optional<int> filters_of(const std::string& process) {
  std::ifstream file("/proc/" + process + "/status");
  for (std::string line; std::getline(file, line);) {
    constexpr std::string_view key = "Seccomp_filters:";
    if (line.starts_with(key)) return std::stoi(line.substr(key.size()));
  }
  return std::nullopt;
}

/// Each host is bound by a filter more than this process. Its descendants inherit that, and nothing gets rid
/// of a filter. A kernel before 5.9 does not tell the number. There only a process with the number 1 may have
/// other orphans than those of hosts, and they are spared.
bool is_from_a_host(pid_t process) {
  const auto own = filters_of("self");
  if (!own) return getpid() != 1;
  const auto its = filters_of(std::to_string(process));
  return !its || *its > *own;
}

/// By the words that it was started with, as ps does.
std::string describe(pid_t process) {
  constexpr std::size_t longest = 200;
  std::ifstream file("/proc/" + std::to_string(process) + "/cmdline", std::ios::binary);
  std::string words(longest, '\0');
  file.read(words.data(), longest);
  words.resize(static_cast<std::size_t>(file.gcount()));
  while (words.ends_with('\0')) words.pop_back();
  std::replace(words.begin(), words.end(), '\0', ' ');
  return base::harmless(words) + " (" + std::to_string(process) + ")";
}

/// Not if another process has got the number meanwhile.
void kill_descendant(pid_t process, const std::set<pid_t>& parents) {
  const base::Descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  if (handle.open() && parents.contains(parent_of(process)))
    syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
}

/// A process that a signal is about to kill can't fork any more, nor can the members of a group that gets
/// one.
void kill_tree(pid_t orphan, const ProcessTree& tree) {
  ::kill(orphan, SIGKILL);
  if (getpgid(orphan) == orphan) ::kill(-orphan, SIGKILL);
  std::set<pid_t> parents{orphan};
  for (const pid_t process : tree.descendants_of(orphan)) {
    kill_descendant(process, parents);
    parents.insert(process);
  }
}

/// Returns true if it met orphans for the first time, or waited for some. Both may mean that there are more
/// now.
bool end_those_known(Orphans& orphans, Children& all) REQUIRES(all.mutex) {
  const ProcessTree tree;
  bool news = false;
  orphans.left = 0;
  for (const pid_t child : tree.children_of(getpid())) {
    if (all.known.contains(child)) continue;
    if (waitpid(child, nullptr, WNOHANG) == child) {
      all.condemned.erase(child);
      news = true;
      continue;
    }
    if (!is_from_a_host(child)) continue;
    ++orphans.left;
    if (all.condemned.insert(child).second) {
      news = true;
      if (orphans.killed++ == 0) orphans.example = describe(child);
    }
    kill_tree(child, tree);
  }
  return news;
}

}  // namespace

void adopt_orphans() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void know_child(pid_t child) {
  const base::Lock lock(children().mutex);
  children().known.insert(child);
}

void forget_child(pid_t child) {
  const base::Lock lock(children().mutex);
  children().known.erase(child);
}

Orphans end_orphans() {
  constexpr int most_rounds = 10;  // processes that fork all the time are met again at the next SIGCHLD
  Children& all = children();
  const base::Lock lock(all.mutex);
  Orphans orphans;
  for (int round = 0; round < most_rounds && end_those_known(orphans, all); ++round) {
  }
  return orphans;
}

int end_all_orphans(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds pause{1};
  const auto deadline = base::Clock::now() + patience;
  for (;;) {
    const int left = end_orphans().left;
    if (left == 0 || base::Clock::now() >= deadline) return left;
    base::sleep_for(pause);
  }
}

}  // namespace sluice::fleet
