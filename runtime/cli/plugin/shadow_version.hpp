// One version of a plugin for `sluice plugin shadow`: it runs jobs that have run before, in a host process,
// and nothing of what it asks for is carried out.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "job/job.hpp"
#include "workshop/rehearsal.hpp"

namespace sluice::cli {

class ShadowVersion {
 public:
  /// `wake_fd` becomes readable when the user wants to stop.
  ShadowVersion(const config::Config& config, const std::string& file, std::string type, bool network,
                int wake_fd);

  /// Loads and starts the plugin. Nullopt, or why that failed.
  std::optional<std::string> prepare();
  /// Runs the job within its type's time limit. Starts the plugin again if the last job ended its process.
  /// Nullopt: the user wants to stop, or the plugin does not start again; problem() says why.
  std::optional<job::Outcome> run(job::Job job);
  void stop();

  /// "mail 2.1"
  std::string name() const;
  const std::string& problem() const { return problem_; }

 private:
  job::Sandbox sandbox() const;
  std::optional<std::string> load();
  job::Outcome ended(const char* code, const std::string& why);

  const config::Config& config_;
  const std::string file_;
  const std::string type_;
  const bool network_;
  const int wake_fd_;
  workshop::Witness witness_;
  std::unique_ptr<workshop::Rehearsal> plugin_;
  job::PluginSpec spec_;
  std::size_t type_index_ = 0;
  std::string problem_;
};

}  // namespace sluice::cli
