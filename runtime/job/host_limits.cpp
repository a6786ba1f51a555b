#include "job/host_limits.hpp"

#include "base/duration.hpp"
#include "base/size.hpp"

namespace sluice::job {

namespace {

std::string written(int number) {
  return std::to_string(number);
}
std::string written(std::int64_t bytes) {
  return base::write_size(bytes);
}
std::string written(std::chrono::microseconds duration) {
  return base::write_duration(duration);
}

}  // namespace

std::vector<std::string> words_of(const HostLimits& limits, const std::string& keeper) {
  std::vector<std::string> words;
  const auto add = [&](const char* key, const auto& value, const std::string& kept = "") {
    if (value) words.push_back(std::string(key) + " " + written(*value) + kept);
  };
  const std::string kept = keeper.empty() ? "" : " (" + keeper + ")";
  add("memory", limits.memory, kept);
  add("tasks", limits.tasks, kept);
  add("open_files", limits.open_files);
  add("file_size", limits.file_size);
  add("core", limits.core);
  add("cpus", limits.cpus);
  add("nice", limits.nice);
  add("io_priority", limits.io_priority);
  add("recycle_jobs", limits.recycle_jobs);
  add("recycle_age", limits.recycle_age);
  add("recycle_memory", limits.recycle_memory);
  return words;
}

}  // namespace sluice::job
