#include "fleet/control_group.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "base/threads.hpp"

namespace sluice::fleet {

namespace {

constexpr const char* no_limit = "max";

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

/// Of a file with a line "KEY NUMBER" for each key.
std::optional<std::int64_t> value_of(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  std::string name;
  for (std::int64_t value = 0; lines >> name >> value;) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_in(const std::string& text) {
  std::istringstream words(text);
  std::int64_t number = 0;
  return words >> number ? std::optional(number) : std::nullopt;
}

std::vector<std::string> groups_below(const std::string& group) {
  std::vector<std::string> groups;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(group, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory(error)) groups.push_back(entry->path().string());
  }
  return groups;
}

/// In the group and in those below it.
std::vector<pid_t> processes_in(const std::string& group) {
  std::istringstream list(group_files::read(group, "cgroup.procs"));
  std::vector<pid_t> processes{std::istream_iterator<pid_t>(list), {}};
  for (const std::string& below : groups_below(group)) {
    const auto more = processes_in(below);
    processes.insert(processes.end(), more.begin(), more.end());
  }
  return processes;
}

bool is_populated(const base::Descriptor& events) {
  std::array<char, 200> text{};
  const ssize_t size = pread(events.get(), text.data(), text.size(), 0);
  return size > 0 && value_of({text.data(), static_cast<std::size_t>(size)}, "populated") == 1;
}

}  // namespace

namespace group_files {

std::string read(const std::string& group, const char* file) {
  std::ifstream stream(group + '/' + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write(const std::string& group, const char* file, const std::string& text) {
  const std::string path = group + '/' + file;
  const base::Descriptor descriptor(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!descriptor.open()) fail(errno, "opening " + path);
  if (::write(descriptor.get(), text.data(), text.size()) < 0)
    fail(errno, "writing '" + text + "' to " + path);
}

bool has_controller(const std::string& group, const char* file, const std::string& controller) {
  std::istringstream words(read(group, file));
  const std::istream_iterator<std::string> none;
  return std::find(std::istream_iterator<std::string>(words), none, controller) != none;
}

void kill(const std::string& group) {
  try {
    write(group, "cgroup.kill", "1");
  } catch (const std::system_error&) {
    kill_each(group);
  }
}

/// Frozen processes start no others, and die of SIGKILL.
void kill_each(const std::string& group) {
  try {
    write(group, "cgroup.freeze", "1");
  } catch (const std::system_error& error) {
    log::debug("a control group can't be frozen", {{"reason", error.what()}});
  }
  constexpr int most_rounds = 10;  // a process that keeps forking has a head start in each
  for (int round = 0; round < most_rounds; ++round) {
    const std::vector<pid_t> left = processes_in(group);
    if (left.empty()) return;
    for (const pid_t process : left) {
      if (process > 1) ::kill(process, SIGKILL);  // 0: one of another namespace
    }
  }
}

void await_death(const std::string& group) {
  constexpr std::chrono::seconds patience{1};
  const auto latest = base::Clock::now() + patience;
  const base::Descriptor events(open((group + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  // A change after a read makes the next poll() of the same descriptor return.
  while (events.open() && is_populated(events)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(latest - base::Clock::now());
    pollfd change{events.get(), POLLPRI, 0};
    if (left.count() <= 0 || poll(&change, 1, static_cast<int>(left.count())) < 0) return;
  }
}

bool remove(const std::string& group) {
  for (const std::string& below : groups_below(group)) remove(below);
  return rmdir(group.c_str()) == 0 || errno == ENOENT;
}

}  // namespace group_files

ControlGroup::ControlGroup(std::string path, pid_t host, std::vector<std::string>& left)
    : path_(std::move(path)), left_(left) {
  constexpr mode_t mode = 0755;
  if (mkdir(path_.c_str(), mode) != 0) fail(errno, "making " + path_);
  try {
    group_files::write(path_, "cgroup.procs", std::to_string(host));
  } catch (const std::system_error&) {
    group_files::remove(path_);
    throw;
  }
}

ControlGroup::~ControlGroup() {
  kill();
  if (!group_files::remove(path_)) left_.push_back(path_);
}

void ControlGroup::limit(const job::HostLimits& limits) {
  enforces_ = false;
  try {
    const auto text = [](const auto& limit) {
      return limit ? std::to_string(*limit) : std::string(no_limit);
    };
    group_files::write(path_, "memory.max", text(limits.memory));
    group_files::write(path_, "memory.oom.group", limits.memory ? "1" : "0");
    // Without accounting of swap, or without swap, there is no such file.
    if (access((path_ + "/memory.swap.max").c_str(), F_OK) == 0)
      group_files::write(path_, "memory.swap.max", limits.memory ? "0" : no_limit);
    group_files::write(path_, "pids.max", text(limits.tasks));
    if (access((path_ + "/cpu.weight.nice").c_str(), F_OK) == 0)
      group_files::write(path_, "cpu.weight.nice", std::to_string(limits.nice.value_or(0)));
    enforces_ = true;
  } catch (const std::system_error& error) {
    log::warn("a control group can't limit a plugin host, so the runtime watches the host's limits",
              {{"group", path_}, {"reason", error.what()}});
  }
}

void ControlGroup::kill() const {
  group_files::kill(path_);
}

GroupEvents ControlGroup::events() {
  const std::string memory = group_files::read(path_, "memory.events");
  GroupEvents events;
  if (memory.empty()) {
    if (std::exchange(enforces_, false))
      log::warn("the control group of a plugin host is gone, so the runtime watches the host's limits",
                {{"group", path_}});
    return events;
  }
  events.memory_reached = value_of(memory, "oom").value_or(0);
  events.memory_kills = value_of(memory, "oom_kill").value_or(0);
  events.refused_tasks = value_of(group_files::read(path_, "pids.events"), "max").value_or(0);
  events.tasks = static_cast<int>(number_in(group_files::read(path_, "pids.current")).value_or(0));
  return events;
}

std::optional<double> ControlGroup::cpu_seconds() const {
  const auto microseconds = value_of(group_files::read(path_, "cpu.stat"), "usage_usec");
  if (!microseconds) return std::nullopt;
  return static_cast<double>(*microseconds) / 1e6;
}

std::optional<std::int64_t> ControlGroup::peak_bytes() const {
  return number_in(group_files::read(path_, "memory.peak"));
}

}  // namespace sluice::fleet
