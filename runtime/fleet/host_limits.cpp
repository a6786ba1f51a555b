#include "fleet/host_limits.hpp"

#include <algorithm>
#include <iterator>

#include "base/duration.hpp"
#include "base/size.hpp"
#include "fleet/restart_policy.hpp"
#include "wire/bounds.hpp"

namespace sluice::fleet {

namespace {

std::string bytes(std::int64_t count) {
  return wire::byte_words(static_cast<std::size_t>(count));
}

bool exceeds_memory(std::int64_t limit, const HostUsage& now, const HostUsage& before) {
  return now.own_memory > limit || (now.memory > limit && before.memory > limit);
}

/// "; the plugin's limit is 64 (open_files)", if the text of the failure is the limit's.
std::string limit_named_by(const std::string& error, const job::HostLimits& limits) {
  const auto speaks_of = [&](const char* words) { return error.find(words) != std::string::npos; };
  const auto named = [](const std::string& value, const char* key) {
    return "; the plugin's limit is " + value + " (" + key + ")";
  };
  if (limits.open_files && speaks_of("Too many open files"))
    return named(std::to_string(*limits.open_files), "open_files");
  if (limits.file_size && speaks_of("File too large"))
    return named(base::write_size(*limits.file_size), "file_size");
  if (limits.tasks && speaks_of("Resource temporarily unavailable"))
    return named(std::to_string(*limits.tasks), "tasks");
  if (limits.memory && (speaks_of("Cannot allocate memory") || speaks_of("bad_alloc")))
    return named(base::write_size(*limits.memory), "memory");
  return "";
}

}  // namespace

bool is_measured(const job::HostLimits& limits) {
  return limits.memory || limits.tasks || limits.recycle_memory;
}

bool is_watched(const job::HostLimits& limits) {
  return is_measured(limits) || limits.nice || limits.recycle_jobs || limits.recycle_age;
}

std::optional<std::int64_t> least_memory_mark(const job::HostLimits& limits) {
  if (!limits.memory || !limits.recycle_memory) return limits.memory ? limits.memory : limits.recycle_memory;
  return std::min(*limits.memory, *limits.recycle_memory);
}

std::optional<Excess> excess(const job::HostLimits& limits, const HostUsage& now, const HostUsage& before) {
  if (limits.memory && exceeds_memory(*limits.memory, now, before)) {
    return Excess{"memory", "took " + bytes(std::max(now.own_memory, now.memory)) + ", and its limit is " +
                                bytes(*limits.memory) + " (memory)"};
  }
  if (limits.tasks && now.tasks > *limits.tasks) {
    return Excess{"tasks", "had " + std::to_string(now.tasks) + " processes and threads, and its limit is " +
                               std::to_string(*limits.tasks) + " (tasks)"};
  }
  return std::nullopt;
}

std::optional<Excess> excess(const job::HostLimits& limits, const GroupEvents& now,
                             const GroupEvents& before) {
  if (limits.memory && now.memory_reached > 0 && now.memory_kills > 0)
    return Excess{"memory", "reached its limit of " + bytes(*limits.memory) + " (memory)"};
  if (limits.tasks && now.refused_tasks > before.refused_tasks && now.tasks >= *limits.tasks) {
    return Excess{"tasks",
                  "reached its limit of " + std::to_string(*limits.tasks) + " processes and threads (tasks)"};
  }
  return std::nullopt;
}

std::string group_words(const job::HostLimits& limits, const GroupEvents& events) {
  if (events.memory_kills > 0 && events.memory_reached == 0)
    return "no memory was left for it, though it had not reached a limit of its own";
  if (limits.tasks && events.refused_tasks > 0) {
    return "it had reached its limit of " + std::to_string(*limits.tasks) + " processes and threads (tasks)";
  }
  return "";
}

std::optional<std::string> recycle_reason(const job::HostLimits& limits, const HostUsage& usage,
                                          const HostService& service) {
  if (limits.recycle_jobs && service.jobs >= *limits.recycle_jobs)
    return "that one has run " + std::to_string(service.jobs) + " jobs (recycle_jobs)";
  if (limits.recycle_age && service.age >= *limits.recycle_age)
    return "that one is " + base::format_duration(service.age) + " old (recycle_age)";
  // A plugin that takes as much from the start must not be replaced without end.
  if (limits.recycle_memory && usage.memory > *limits.recycle_memory && service.age >= healthy_run) {
    return "that one takes " + bytes(usage.memory) + ", more than " + bytes(*limits.recycle_memory) +
           " (recycle_memory)";
  }
  return std::nullopt;
}

std::vector<KernelLimit> kernel_limits(const job::HostLimits& limits, int slots, std::int64_t stack) {
  constexpr std::int64_t for_other_threads = 512'000'000;
  std::vector<KernelLimit> list;
  const auto add = [&](const char* key, auto resource, std::int64_t value) {
    list.push_back({key, static_cast<int>(resource), static_cast<rlim_t>(value)});
  };
  if (limits.memory) add("memory", RLIMIT_DATA, 2 * *limits.memory + slots * stack + for_other_threads);
  if (limits.open_files) add("open_files", RLIMIT_NOFILE, *limits.open_files);
  if (limits.file_size) add("file_size", RLIMIT_FSIZE, *limits.file_size);
  if (limits.core) add("core", RLIMIT_CORE, *limits.core);
  return list;
}

void name_limit(job::Outcome& outcome, const job::HostLimits& limits) {
  if (outcome.result != job::Result::done) outcome.error += limit_named_by(outcome.error, limits);
}

}  // namespace sluice::fleet
