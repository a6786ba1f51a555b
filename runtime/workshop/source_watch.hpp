// Which files of a project change, as editors, version control and people change them (inotify).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "base/descriptor.hpp"

namespace sluice::workshop {

class SourceWatch {
 public:
  /// Watches `top` and all folders below, those to come too, but for `left_out`, hidden ones, and those that
  /// hold what somebody builds. Throws std::runtime_error with a remedy where the system watches no more.
  SourceWatch(const std::filesystem::path& top, const std::filesystem::path& left_out);

  /// Can be read while changes wait to be taken.
  int fd() const { return events_.get(); }
  /// The files and folders that were written, made, renamed or deleted since the last call, relative to the
  /// top. What editors keep beside a file is none of them.
  std::set<std::string> take();

 private:
  void note(int folder, std::uint32_t what, const std::string& name, std::set<std::string>& changed);
  void add(const std::filesystem::path& folder, std::set<std::string>* found);
  void drop(const std::filesystem::path& folder);
  bool passes_over(const std::filesystem::path& folder) const;
  std::string shown(const std::filesystem::path& path) const;

  const std::filesystem::path top_;
  const std::filesystem::path left_out_;
  base::Descriptor events_;
  std::map<int, std::filesystem::path> folders_;  ///< by inotify's number
};

/// A file that editors and tools keep for a moment: "main.c~", ".main.c.swp", "#main.c#", "4913".
bool is_temporary(const std::string& name);

}  // namespace sluice::workshop
