#include "symbols/confinement.hpp"

#include <sys/resource.h>

#include <filesystem>

#include "base/landlock.hpp"
#include "job/sandbox.hpp"
#include "walls/landlock.hpp"
#include "walls/sanitized.hpp"
#include "walls/syscall_filter.hpp"

namespace sluice::symbols {

namespace {

constexpr rlim_t megabyte = 1024 * 1024;
constexpr rlim_t most_memory = 2048 * megabyte;  // debug information of big libraries is mapped as a whole
constexpr rlim_t most_seconds = 10;              // the runtime waits for less

void bound(__rlimit_resource_t resource, rlim_t most) {
  rlimit limit{};
  getrlimit(resource, &limit);
  if (limit.rlim_max < most) return;
  limit = {most, most};
  setrlimit(resource, &limit);
}

void restrict_reading(const std::vector<std::string>& files, const std::string& plugin,
                      const std::string& place, int version) {
  walls::Landlock rules(version, true);
  for (const char* path : {"/usr", "/lib", "/lib32", "/lib64", "/libx32"})
    static_cast<void>(rules.allow_reading(path));
  for (const std::string& file : files) static_cast<void>(rules.allow_reading_file(file));
  static_cast<void>(rules.allow_reading_file(place));
  if (!plugin.empty())
    static_cast<void>(rules.allow_reading(std::filesystem::path(plugin).parent_path().string()));
  rules.enforce();
}

}  // namespace

void confine(const std::vector<std::string>& files, const std::string& plugin, const std::string& place) {
  bound(RLIMIT_CORE, 0);
  bound(RLIMIT_CPU, most_seconds);
  if (!walls::sanitized) bound(RLIMIT_AS, most_memory);
  if (const int version = base::landlock_version(); version > 0)
    restrict_reading(files, plugin, place, version);
  walls::refuse_dangerous_calls(false);
  walls::refuse_calls_beyond(job::strictest_sandbox());
  if (!walls::sanitized) walls::refuse_all_but_reading();
}

}  // namespace sluice::symbols
