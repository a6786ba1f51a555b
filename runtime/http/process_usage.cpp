#include "http/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace sluice::http {

namespace {

/// The fields of /proc/self/stat, numbered as in proc(5), without those before the state, because the name
/// may contain anything.
std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  rest >> state;
  return {std::istream_iterator<double>(rest), {}};
}

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
  constexpr std::size_t user_time = 10, system_time = 11, start = 18, virtual_size = 19, resident = 20;
  const std::vector<double> fields = stat_fields();
  if (fields.size() <= resident) return std::nullopt;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessUsage usage;
  usage.cpu_seconds = (fields[user_time] + fields[system_time]) / ticks;
  usage.start_time = boot_time() + fields[start] / ticks;
  usage.virtual_bytes = fields[virtual_size];
  usage.resident_bytes = fields[resident] * static_cast<double>(sysconf(_SC_PAGESIZE));
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
