// The project of a plugin, and how it is built: by CMake or by cargo. Which commands that takes is decided
// here; to run them is for the caller.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "workshop/process.hpp"

namespace sluice::workshop {

struct Built {
  bool good = false;
  std::vector<std::filesystem::path> libraries;  ///< the plugins' files
  std::string problem;  ///< a sentence on what the tools' own words may not say; or empty
};

class PluginProject {
 public:
  /// Runs a command to its end: its exit status, -1 where it was killed.
  using Run = std::function<int(const Launch&)>;

  /// `folder` is where it is built; empty: where its tools do by themselves, "build" or "target". Throws
  /// base::UsageError where `directory` is no project, std::runtime_error where a program that builds it is
  /// missing.
  static std::unique_ptr<PluginProject> open(const std::filesystem::path& directory,
                                             const std::filesystem::path& folder);
  virtual ~PluginProject() = default;

  const std::filesystem::path& directory() const { return directory_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// Builds the plugins, and nothing else of the project. `changed` are the files that changed since the last
  /// call, relative to the directory.
  virtual Built build(const Run& run, const std::set<std::string>& changed) = 0;
  /// Whether building writes this file of the project, relative to the directory.
  virtual bool writes(const std::string& file) const = 0;

 protected:
  PluginProject(std::filesystem::path directory, std::filesystem::path folder)
      : directory_(std::move(directory)), folder_(std::move(folder)) {}

 private:
  const std::filesystem::path directory_;
  const std::filesystem::path folder_;
};

}  // namespace sluice::workshop
