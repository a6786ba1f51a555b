// Which files of a project change, whether editors, version control or people change them (inotify).
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
  /// Watches `top` and all folders below, including future ones, except `left_out`, hidden ones, and build
  /// folders. Throws std::runtime_error with a remedy if the system can watch no more.
  SourceWatch(const std::filesystem::path& top, const std::filesystem::path& left_out);

  /// Becomes readable when there are changes to take.
  int fd() const { return events_.get(); }
  /// The files and folders that were written, created, renamed or deleted since the last call, relative to
  /// the top, without the temporary files of editors.
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
  std::map<int, std::filesystem::path> folders_;  ///< by inotify's watch number
};

/// A temporary file of editors and tools: "main.c~", ".main.c.swp", "#main.c#", "4913".
bool is_temporary(const std::string& name);

}  // namespace sluice::workshop
