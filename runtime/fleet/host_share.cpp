#include "fleet/host_share.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/descriptor.hpp"
#include "fleet/process_tree.hpp"

namespace sluice::fleet {

namespace {

std::vector<int> own_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &set)) processors.push_back(processor);
  }
  return processors;
}

/// Each host gets the processors after those of the host before it. Empty: it may have all.
std::vector<int> next_processors(int count) {
  static std::size_t next = 0;
  const std::vector<int> all = own_processors();
  if (static_cast<std::size_t>(count) >= all.size()) return {};
  std::vector<int> some;
  some.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) some.push_back(all[next++ % all.size()]);
  return some;
}

void set_processors(const std::vector<pid_t>& threads, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  const std::vector<int> processors = next_processors(count);
  for (const int processor : processors) CPU_SET(processor, &set);
  for (const pid_t thread : threads) {
    if (processors.empty() || sched_setaffinity(thread, sizeof(set), &set) == 0 || errno == ESRCH) continue;
    refuse_limit("cpus", std::to_string(count), errno,
                 "processors that the runtime itself may use; leave the key out");
  }
}

void set_nice(const std::vector<pid_t>& threads, int nice) {
  for (const pid_t thread : threads) {
    if (setpriority(PRIO_PROCESS, static_cast<id_t>(thread), nice) == 0 || errno == ESRCH) continue;
    refuse_limit(
        "nice", std::to_string(nice), errno,
        "at least the runtime's own, " + std::to_string(getpriority(PRIO_PROCESS, 0)) + "; raise the key");
  }
}

/// Class "best effort" of ioprio_set(2), which has no function in the C library.
void set_io_priority(const std::vector<pid_t>& threads, int priority) {
  constexpr int who_process = 1;
  constexpr int best_effort = 2 << 13;
  for (const pid_t thread : threads) {
    if (syscall(SYS_ioprio_set, who_process, thread, best_effort | priority) == 0 || errno == ESRCH) continue;
    refuse_limit("io_priority", std::to_string(priority), errno,
                 "a kernel and a container that allow ioprio_set(); leave the key out");
  }
}

/// struct sched_attr of the kernel, which not all C libraries have.
struct Scheduling {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns;  // of a thread without real-time policy: its turns
  std::uint64_t deadline_ns;
  std::uint64_t period_ns;
};

}  // namespace

void give_long_turns(pid_t host) {
  Scheduling now{};
  if (syscall(SYS_sched_getattr, host, &now, sizeof now, 0) != 0) return;
  if (now.policy != SCHED_OTHER && now.policy != SCHED_BATCH) return;
  now.size = sizeof now;
  constexpr std::uint64_t longest = 100'000'000;  // that the kernel takes
  const auto least = static_cast<std::uint64_t>(std::chrono::nanoseconds(least_host_turns).count());
  now.runtime_ns = std::min(longest, std::max(least, 2 * now.runtime_ns));
  syscall(SYS_sched_setattr, host, &now, 0);
}

void refuse_limit(const std::string& key, const std::string& value, int error, const std::string& expected) {
  throw std::runtime_error("found that the kernel refuses limits." + key + " = " + value + " (" +
                           std::strerror(error) + "), expected " + expected);
}

void set_share(pid_t host, const job::HostLimits& limits) {
  const std::vector<pid_t> threads = threads_of(host);
  if (limits.cpus) set_processors(threads, *limits.cpus);
  if (limits.nice) set_nice(threads, *limits.nice);
  if (limits.io_priority) set_io_priority(threads, *limits.io_priority);
}

bool set_session_nice(pid_t host, int nice) {
  const std::string path = "/proc/" + std::to_string(host) + "/autogroup";
  const base::Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.open()) return true;  // a kernel without such groups, or the host is gone
  const std::string text = std::to_string(nice);
  return write(file.get(), text.data(), text.size()) >= 0 || errno != EAGAIN;
}

}  // namespace sluice::fleet
