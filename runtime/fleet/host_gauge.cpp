#include "fleet/host_gauge.hpp"

#include <unistd.h>

#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "fleet/process_tree.hpp"

namespace sluice::fleet {

namespace {

std::string directory_of(pid_t process) {
  return "/proc/" + std::to_string(process);
}

/// Processes with those that they started. One that ends meanwhile counts as absent.
struct Family {
  std::vector<pid_t> members;
  int threads = 0;
};

Family family_of(std::vector<pid_t> processes) {
  Family family;
  std::set<pid_t> known;
  while (!processes.empty()) {
    const pid_t process = processes.back();
    processes.pop_back();
    if (!known.insert(process).second) continue;
    family.members.push_back(process);
    for (const pid_t thread : threads_of(process)) {
      ++family.threads;
      const std::vector<pid_t> children = children_of_thread(process, thread);
      processes.insert(processes.end(), children.begin(), children.end());
    }
  }
  return family;
}

std::int64_t resident(pid_t process) {
  static const std::int64_t page = sysconf(_SC_PAGESIZE);
  std::ifstream file(directory_of(process) + "/statm");
  std::int64_t all = 0, resident = 0;
  return file >> all >> resident ? resident * page : 0;
}

/// Its resident memory, where that which n processes share counts for one nth.
std::int64_t proportional(pid_t process) {
  std::ifstream file(directory_of(process) + "/smaps_rollup");
  constexpr auto to_next = std::numeric_limits<std::streamsize>::max();
  for (std::string name; file >> name; file.ignore(to_next, '\n')) {
    std::int64_t kilobytes = 0;
    if (name == "Pss:" && file >> kilobytes) return kilobytes * 1024;
  }
  return resident(process);
}

template <class Measure>
void count_memory(const Family& family, pid_t host, Measure measure, HostUsage& usage) {
  usage.memory = 0;
  for (const pid_t process : family.members) {
    const std::int64_t bytes = measure(process);
    usage.memory += bytes;
    if (process == host) usage.own_memory = bytes;
  }
}

}  // namespace

HostUsage HostGauge::measure(const Spawned& host, std::optional<std::int64_t> exact_above) {
  constexpr int search_every = 8;  // looks, because a search may read about every process
  if (looks_++ % search_every == 0) strays_ = ProcessTree().descendants_of(host.pid);
  std::vector<pid_t> known(strays_);
  known.push_back(host.pid);
  const Family family = family_of(std::move(known));
  HostUsage usage;
  usage.tasks = family.threads;
  if (!exact_above) return usage;
  count_memory(family, host.pid, resident, usage);
  if (usage.memory > *exact_above) count_memory(family, host.pid, proportional, usage);
  return usage;
}

}  // namespace sluice::fleet
