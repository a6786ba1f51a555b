// The folder in which `sluice plugin dev` keeps what is its own, below the folder that a project is built in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/descriptor.hpp"

namespace sluice::cli {

class DevState {
 public:
  /// Makes the folder, and locks it, since two at work in one would disturb each other. Throws
  /// std::runtime_error.
  explicit DevState(const std::filesystem::path& folder);

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  /// The directory that the runtime serves.
  std::filesystem::path plugins() const { return folder_ / "plugins"; }

 private:
  const std::filesystem::path folder_;
  base::Descriptor lock_;
};

/// An empty file for what a program says. Throws std::runtime_error.
base::Descriptor open_log(const std::filesystem::path& path);

/// What a program that wrote to `log` said of its failure: ": <the first line that says so, else the last>
/// (…)".
std::string reason_in(const std::filesystem::path& log);

/// Where the disk has less than `needed` bytes left: "; the disk of … is full, …", to end a sentence on what
/// failed.
std::string lack_of_room(const std::filesystem::path& folder, std::uintmax_t needed);

}  // namespace sluice::cli
