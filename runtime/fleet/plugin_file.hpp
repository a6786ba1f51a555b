// A plugin's file as it was when it was looked at. It is held by its inode (O_PATH: nothing is read), so that
// it can be told from one that took its place, and loaded once more where another has. Movable; for one
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/descriptor.hpp"

struct stat;

namespace sluice::fleet {

class PluginFile {
 public:
  PluginFile() = default;
  /// A file that is missing is no error: it differs from any that is there.
  explicit PluginFile(const std::string& path);

  const std::string& path() const { return path_; }
  /// True when something else is at the path by now: another file, or other content of the same.
  bool replaced() const;
  /// The file itself, whatever is at its path, as a descriptor that can only be passed on and looked at; -1:
  /// none.
  int fd() const { return file_.get(); }

 private:
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t written_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identify(const struct stat& info);

  std::string path_;
  base::Descriptor file_;
  std::optional<Identity> identity_;
};

}  // namespace sluice::fleet
