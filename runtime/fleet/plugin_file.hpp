// A plugin's file as it was at one moment. It is held by its inode (O_PATH: nothing is read), so it can be
// distinguished from a file that takes its place, and can still be loaded then. Movable; for one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/descriptor.hpp"

struct stat;

namespace sluice::fleet {

class PluginFile {
 public:
  PluginFile() = default;
  /// A missing file is not an error: it differs from every existing one.
  explicit PluginFile(const std::string& path);

  const std::string& path() const { return path_; }
  /// True if something else is at the path by now: another file, or other content of the same file.
  bool replaced() const;
  /// True if the file itself has other content by now, so that the one of that moment is gone.
  bool overwritten() const;
  bool same_as(const PluginFile& other) const { return path_ == other.path_ && identity_ == other.identity_; }
  /// The file itself, whatever is at its path now, as a descriptor that can only be passed on and inspected;
  /// -1 if there is none. Its sealed copy, if it has one.
  int fd() const { return copy_.open() ? copy_.get() : file_.get(); }
  /// True if the file of that moment can still be loaded.
  bool loadable() const { return fd() >= 0 && (has_copy() || !overwritten()); }
  /// From now on, `copy` is loaded instead, which was checked and can't change. A closed one changes nothing.
  void hold(base::Descriptor copy) {
    if (copy.open()) copy_ = std::move(copy);
  }
  bool has_copy() const { return copy_.open(); }
  /// SHA-256 of what is loaded; empty if it is larger than `most` bytes or can't be read.
  std::string digest(std::int64_t most) const;
  /// The same file, to be compared with what is at the path, but not to be loaded.
  PluginFile named() const;
  /// The same file, with descriptors of its own.
  PluginFile held_again() const;

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
  base::Descriptor copy_;
  std::optional<Identity> identity_;
};

}  // namespace sluice::fleet
