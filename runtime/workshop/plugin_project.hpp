// The project of a plugin, and how it is built: with CMake or with cargo. This decides which commands are
// needed; the caller runs them.
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
  std::string problem;                           ///< a hint that the tools' own messages may lack; or empty
};

class PluginProject {
 public:
  /// Runs a command to its end. Returns its exit status, or -1 if it was killed.
  using Run = std::function<int(const Launch&)>;

  /// `folder` is where it is built; empty: the tools' default, "build" or "target". Throws base::UsageError
  /// if `directory` is not a project, and std::runtime_error if a program that is needed is missing.
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
