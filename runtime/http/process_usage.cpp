#include "http/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/process_stat.hpp"

namespace sluice::http {

namespace {

double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

}  // namespace

std::optional<ProcessUsage> process_usage() {
  const auto stat = base::process_stat(getpid());
  if (!stat) return std::nullopt;
  ProcessUsage usage;
  usage.cpu_seconds = stat->cpu_seconds;
  usage.start_time = boot_time() + stat->started;
  usage.virtual_bytes = stat->virtual_bytes;
  usage.resident_bytes = stat->resident_bytes;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++usage.open_files;
  }
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) usage.most_files = static_cast<double>(files.rlim_cur);
  return usage;
}

}  // namespace sluice::http
