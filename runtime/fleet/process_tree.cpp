#include "fleet/process_tree.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/process_stat.hpp"

namespace sluice::fleet {

namespace {

namespace fs = std::filesystem;

/// A kernel may be built without these lists.
bool kernel_lists_children() {
  static const bool lists = access("/proc/thread-self/children", R_OK) == 0;
  return lists;
}

std::vector<pid_t> listed_children(pid_t process) {
  std::vector<pid_t> children;
  for (const pid_t thread : threads_of(process)) {
    const std::vector<pid_t> its = children_of_thread(process, thread);
    children.insert(children.end(), its.begin(), its.end());
  }
  return children;
}

std::map<pid_t, std::vector<pid_t>> all_children() {
  std::map<pid_t, std::vector<pid_t>> children;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t process = 0;
    const auto [rest, problem] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (problem != std::errc() || *rest != '\0') continue;
    if (const pid_t parent = parent_of(process); parent > 0) children[parent].push_back(process);
  }
  return children;
}

}  // namespace

ProcessTree::ProcessTree() {
  if (!kernel_lists_children()) children_ = all_children();
}

std::vector<pid_t> ProcessTree::children_of(pid_t process) const {
  if (!children_) return listed_children(process);
  const auto found = children_->find(process);
  return found == children_->end() ? std::vector<pid_t>() : found->second;
}

std::vector<pid_t> ProcessTree::descendants_of(pid_t process) const {
  std::vector<pid_t> found = children_of(process);
  std::set<pid_t> known(found.begin(), found.end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const pid_t child : children_of(found[i])) {
      if (known.insert(child).second) found.push_back(child);
    }
  }
  return found;
}

std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> threads;
  std::error_code error;
  for (fs::directory_iterator entry("/proc/" + std::to_string(process) + "/task", error), end;
       !error && entry != end; entry.increment(error))
    threads.push_back(static_cast<pid_t>(std::stol(entry->path().filename().string())));
  return threads;
}

std::vector<pid_t> children_of_thread(pid_t process, pid_t thread) {
  std::ifstream list("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/children");
  return {std::istream_iterator<pid_t>(list), {}};
}

pid_t parent_of(pid_t process) {
  const auto stat = base::process_stat(process);
  return stat ? stat->parent : 0;
}

}  // namespace sluice::fleet
