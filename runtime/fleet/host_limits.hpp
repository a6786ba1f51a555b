// What becomes of a plugin host that reaches a limit: decisions by values alone.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "job/host_limits.hpp"
#include "job/job.hpp"

namespace sluice::fleet {

/// What a host takes at one moment.
struct HostUsage {
  std::int64_t own_memory = 0;  ///< resident bytes of the host's process alone
  std::int64_t memory = 0;      ///< of it and of the processes that it started
  int tasks = 0;                ///< processes and threads of all of them
};

/// What the kernel tells about the control group of a host. The first three count from when it was made.
struct GroupEvents {
  std::int64_t memory_reached = 0;  ///< how often its own limit left it no memory
  std::int64_t memory_kills = 0;    ///< processes that were killed because there was no memory, here or above
  std::int64_t refused_tasks = 0;   ///< processes and threads that its own limit did not admit
  int tasks = 0;                    ///< present processes and threads
};

/// What a host has done since it became ready.
struct HostService {
  std::int64_t jobs = 0;
  std::chrono::microseconds age{};
};

/// A limit that a host has exceeded.
struct Excess {
  std::string code;   ///< of the jobs' attempts: "memory", "tasks"
  std::string words;  ///< "took 530.0 MB, and its limit is 512.0 MB (memory)"
};

/// True if somebody must look at the host from time to time.
bool is_watched(const job::HostLimits& limits);
/// True if the looks must measure what it takes.
bool is_measured(const job::HostLimits& limits);
/// The memory from which on it must be known exactly; nullopt: at no memory.
std::optional<std::int64_t> least_memory_mark(const job::HostLimits& limits);

/// `before`: at the look before this one. A process that is about to execute a program shares all memory with
/// its parent for some milliseconds, and then both are counted. So the sum must exceed the limit twice.
std::optional<Excess> excess(const job::HostLimits& limits, const HostUsage& now, const HostUsage& before);

/// The same of a host whose control group enforces the limits. A host that wanted too many processes, and
/// has gone on with fewer, is not at its limit.
std::optional<Excess> excess(const job::HostLimits& limits, const GroupEvents& now,
                             const GroupEvents& before);
/// What the control group did to a host that has died; empty: nothing.
std::string group_words(const job::HostLimits& limits, const GroupEvents& events);

/// Why another host should take over, "that one has run 1000 jobs (recycle_jobs)"; nullopt if none should.
std::optional<std::string> recycle_reason(const job::HostLimits& limits, const HostUsage& usage,
                                          const HostService& service);

/// A limit that the kernel enforces in each process.
struct KernelLimit {
  std::string key;  ///< of the configuration
  int resource = 0;
  rlim_t value = 0;
};
/// `stack`: the size of a thread's stack. RLIMIT_DATA backs the limit of memory: an allocation that is far
/// too large fails at once. It counts what is allocated, with the stacks, so it is higher than that limit.
std::vector<KernelLimit> kernel_limits(const job::HostLimits& limits, int slots, std::int64_t stack);

/// Adds the limit and its figure to a failure whose text is that of a system call or an allocation that the
/// limit makes fail.
void name_limit(job::Outcome& outcome, const job::HostLimits& limits);

}  // namespace sluice::fleet
