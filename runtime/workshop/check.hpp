// Everything that can be checked about a plugin without a runtime: `sluice plugin check`.
//
// No check can harm another one or the caller, because each runs in a child process or in its own plugin
// host. The calling process must have one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "job/plugin_spec.hpp"
#include "job/secrets.hpp"
#include "trust/vetting.hpp"
#include "workshop/finding.hpp"

namespace sluice::workshop {

/// The names of all checks, in the order in which they run: "static tls", "fuzz".
const std::vector<std::string>& check_names();

/// A check by its name, for one job type, or for all if `type` is empty.
struct CheckChoice {
  std::string check;
  std::string type;
};

struct CheckOptions {
  std::string path;
  /// A plugin's configuration by its name; nullopt: nobody wrote one.
  std::function<std::optional<std::string>(const std::string& plugin)> config;
  /// The secrets that are granted to a plugin; absent: none.
  std::function<job::GrantedSecrets(const std::string& plugin)> secrets;
  trust::Policy trust;             ///< which files may be loaded
  bool start = true;               ///< call init and shutdown too
  bool run_handlers = false;       ///< call handlers, with all their side effects
  std::vector<std::string> types;  ///< the types whose handlers are called; empty: all
  std::vector<CheckChoice> only;   ///< the checks to make; empty: all
  std::vector<CheckChoice> skip;   ///< checks to leave out
  std::uint64_t seed = 1;          ///< of the generated payloads
  int jobs = 500;                  ///< generated payloads, and jobs while memory is watched
  std::chrono::microseconds start_timeout{std::chrono::seconds(10)};  ///< to load, and again to start
  std::chrono::microseconds stop_timeout{std::chrono::seconds(10)};
  std::chrono::microseconds cancel_grace{std::chrono::seconds(3)};  ///< from the request to stop to the end
  std::chrono::microseconds job_limit{std::chrono::seconds(10)};    ///< for one job, and for a series of many

  /// Whether to make this check for that job type, or for any if it is empty.
  bool wants(const std::string& check, const std::string& type = "") const;
};

/// Runs the checks and reports each finding as it comes, in a fixed order. Checks on which others depend
/// (file, load, config schema, start) run if one of those is wanted. They are reported if they are wanted
/// themselves or have failed.
void check_plugin(const CheckOptions& options, const std::function<void(const Finding&)>& tell);

}  // namespace sluice::workshop
