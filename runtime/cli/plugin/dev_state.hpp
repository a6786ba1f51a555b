// The folder in which `sluice plugin dev` keeps its own files, inside the build folder of the project.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/descriptor.hpp"

namespace sluice::cli {

class DevState {
 public:
  /// Creates the folder and locks it, because two instances in one folder would interfere. Throws
  /// std::runtime_error.
  explicit DevState(const std::filesystem::path& folder);

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  /// The directory that the runtime serves.
  std::filesystem::path plugins() const { return folder_ / "plugins"; }

 private:
  const std::filesystem::path folder_;
  base::Descriptor lock_;
};

/// Opens an empty file for a program's output. Throws std::runtime_error.
base::Descriptor open_log(const std::filesystem::path& path);

/// Why a program that wrote to `log` failed: ": <the first line that reports an error, else the last> (…)".
std::string reason_in(const std::filesystem::path& log);

/// If the disk has less than `needed` bytes left, the end of a sentence about a failure: "; the disk of … is
/// full; …". Otherwise empty.
std::string lack_of_room(const std::filesystem::path& folder, std::uintmax_t needed);

}  // namespace sluice::cli
