// Where the groups of a runtime's hosts are, and how they come to be there.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "fleet/control_group.hpp"

namespace sluice::fleet {

namespace {

constexpr std::array controllers{"memory", "pids"};
/// Shares processors among the hosts. Without it, the kernel does so among sessions or threads.
constexpr const char* optional_controller = "cpu";
constexpr const char* leaf_name = "runtime";
constexpr const char* hosts_name = "hosts-";
constexpr mode_t group_mode = 0755;

/// The path of this process's group within the hierarchy; empty: none of v2.
std::string path_in_hierarchy() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "";
}

/// The directory of this process's group. Throws NoControlGroups.
std::string own_group() {
  const std::string path = path_in_hierarchy();
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; !path.empty() && std::getline(mounts, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string number, parent, device, root, point;
    words >> number >> parent >> device >> root >> point;
    if (root == "/") root.clear();
    const std::string below = path == "/" ? "" : path;
    if (below != root && !below.starts_with(root + '/')) continue;
    return point + below.substr(root.size());
  }
  throw NoControlGroups("no cgroup v2 is mounted that has this process");
}

/// The group below which there will be others. A process in `runtime` was started beside or after a runtime,
/// or by a service manager that puts it there.
std::string base_group() {
  std::string group = own_group();
  const std::filesystem::path path(group);
  std::string above = path.parent_path().string();
  if (path.filename() == leaf_name && access((above + "/cgroup.subtree_control").c_str(), W_OK) == 0)
    return above;
  return group;
}

void check(const std::string& base) {
  for (const char* controller : controllers) {
    if (!group_files::has_controller(base, "cgroup.controllers", controller))
      throw NoControlGroups(base + " has no controller '" + controller + "'");
  }
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
    if (access((base + file).c_str(), W_OK) != 0)
      throw NoControlGroups(base + file + " can't be written (" + std::strerror(errno) + ")");
  }
}

void enable(const std::string& group, const char* controller) {
  if (!group_files::has_controller(group, "cgroup.subtree_control", controller))
    group_files::write(group, "cgroup.subtree_control", std::string("+") + controller);
}

void enable(const std::string& group) {
  for (const char* controller : controllers) enable(group, controller);
  if (group_files::has_controller(group, "cgroup.controllers", optional_controller))
    enable(group, optional_controller);
}

/// A group with processes can't have controllers for those below it, so this process makes room.
void enable_from_leaf(const std::string& base) {
  const std::string leaf = base + '/' + leaf_name;
  const std::string self = std::to_string(getpid());
  if (mkdir(leaf.c_str(), group_mode) != 0 && errno != EEXIST)
    throw NoControlGroups("making " + leaf + " failed: " + std::strerror(errno));
  group_files::write(leaf, "cgroup.procs", self);
  try {
    enable(base);
  } catch (const std::system_error& error) {
    group_files::write(base, "cgroup.procs", self);
    rmdir(leaf.c_str());
    if (error.code().value() == EBUSY) throw NoControlGroups(base + " has other processes besides this one");
    throw;
  }
}

void prepare(const std::string& base) {
  try {
    enable(base);
  } catch (const std::system_error& error) {
    if (error.code().value() != EBUSY) throw;
    enable_from_leaf(base);
  }
}

/// Locks the directory of a group. Not open: another process has locked it, or it is gone.
base::Descriptor locked(const std::string& group) {
  base::Descriptor lock(open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.open() || flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return {};
  struct stat there {};
  struct stat mine {};
  // Another runtime may have removed it between the two calls.
  if (stat(group.c_str(), &there) != 0 || fstat(lock.get(), &mine) != 0 || there.st_ino != mine.st_ino)
    return {};
  return lock;
}

void end_group(const std::string& group) {
  group_files::kill(group);
  group_files::await_death(group);
  if (!group_files::remove(group))
    log::warn("a control group can't be removed, because its processes do not end", {{"group", group}});
}

/// Whoever holds the lock of a group lives.
void remove_leftovers(const std::string& base) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(base, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string group = entry->path().string();
    if (!entry->path().filename().string().starts_with(hosts_name) || !locked(group).open()) continue;
    log::info("removing the control groups of a runtime that was killed", {{"group", group}});
    end_group(group);
  }
}

base::Descriptor make_locked(const std::string& group) {
  constexpr int tries = 10;
  for (int i = 0; i < tries; ++i) {
    if (mkdir(group.c_str(), group_mode) != 0 && errno != EEXIST)
      throw NoControlGroups("making " + group + " failed: " + std::strerror(errno));
    if (base::Descriptor lock = locked(group); lock.open()) return lock;
  }
  throw NoControlGroups("locking " + group + " failed: another process has locked it");
}

}  // namespace

ControlGroups::ControlGroups() {
  const std::string base = base_group();
  check(base);
  path_ = base + '/' + hosts_name + std::to_string(getpid());
  try {
    remove_leftovers(base);
    prepare(base);
    lock_ = make_locked(path_);
    enable(path_);
  } catch (const std::system_error& error) {
    throw NoControlGroups(error.what());
  }
}

ControlGroups::~ControlGroups() {
  end_group(path_);
}

std::unique_ptr<ControlGroup> ControlGroups::make(pid_t host) {
  sweep();
  try {
    auto group = std::make_unique<ControlGroup>(path_ + '/' + std::to_string(++made_), host, left_);
    warned_ = false;
    return group;
  } catch (const std::system_error& error) {
    if (!std::exchange(warned_, true)) {
      log::warn("a plugin host has no control group, so the runtime watches its limits",
                {{"pid", host}, {"reason", error.what()}});
    }
    return nullptr;
  }
}

void ControlGroups::sweep() {
  std::erase_if(left_, group_files::remove);
}

}  // namespace sluice::fleet
