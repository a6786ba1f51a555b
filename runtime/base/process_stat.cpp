#include "base/process_stat.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace sluice::base {

namespace {

/// The fields numbered as in proc(5), without those before the state, because the name may contain anything.
std::vector<double> stat_fields(const std::string& directory) {
  std::ifstream file(directory + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest(line.substr(name_end + 1));
  std::string state;
  rest >> state;
  return {std::istream_iterator<double>(rest), {}};
}

}  // namespace

std::optional<ProcessStat> process_stat(pid_t process) {
  constexpr std::size_t parent = 0, user_time = 10, system_time = 11, children_user_time = 12,
                        children_system_time = 13, start = 18, virtual_size = 19, resident = 20;
  const std::vector<double> fields = stat_fields("/proc/" + std::to_string(process));
  if (fields.size() <= resident) return std::nullopt;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessStat stat;
  stat.parent = static_cast<pid_t>(fields[parent]);
  stat.cpu_seconds = (fields[user_time] + fields[system_time]) / ticks;
  stat.children_cpu_seconds = (fields[children_user_time] + fields[children_system_time]) / ticks;
  stat.started = fields[start] / ticks;
  stat.virtual_bytes = fields[virtual_size];
  stat.resident_bytes = fields[resident] * static_cast<double>(sysconf(_SC_PAGESIZE));
  return stat;
}

/// The kernel counts nanoseconds in schedstat, if it was built with that, and ticks in stat.
std::optional<double> thread_cpu_seconds(pid_t process, pid_t thread) {
  constexpr std::size_t user_time = 10, system_time = 11;
  const std::string directory = "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread);
  std::ifstream file(directory + "/schedstat");
  if (double nanoseconds = 0; file >> nanoseconds) return nanoseconds / 1e9;
  const std::vector<double> fields = stat_fields(directory);
  if (fields.size() <= system_time) return std::nullopt;
  return (fields[user_time] + fields[system_time]) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace sluice::base
