// All that can be said of a plugin without a runtime: `sluice plugin check`.
//
// No check can harm another or the caller: each runs in a child process or in a plugin host of its own.
// The calling process must have one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "job/plugin_spec.hpp"
#include "workshop/finding.hpp"

namespace sluice::workshop {

/// The names of all checks, in the order in which they run: "static tls", "fuzz".
const std::vector<std::string>& check_names();

/// A check by its name, of one job type, or of all where `type` is empty.
struct CheckChoice {
  std::string check;
  std::string type;
};

struct CheckOptions {
  std::string path;
  /// A plugin's configuration by its name; none: nobody wrote one.
  std::function<std::optional<std::string>(const std::string& plugin)> config;
  bool start = true;               ///< call init and shutdown too
  bool run_handlers = false;       ///< call handlers, with all that they do
  std::vector<std::string> types;  ///< the types whose handlers are called; empty: all
  std::vector<CheckChoice> only;   ///< the checks to make; empty: all
  std::vector<CheckChoice> skip;   ///< those to leave out of them
  std::uint64_t seed = 1;          ///< of the made-up payloads
  int jobs = 500;                  ///< made-up payloads, and jobs while memory is watched
  std::chrono::microseconds start_timeout{std::chrono::seconds(10)};  ///< to load, and again to start
  std::chrono::microseconds stop_timeout{std::chrono::seconds(10)};
  std::chrono::microseconds cancel_grace{std::chrono::seconds(3)};  ///< from being asked to stop to the end
  std::chrono::microseconds job_limit{std::chrono::seconds(10)};    ///< for one job, and for many in turn

  /// Whether to make this check of that job type; of any, where it is empty.
  bool wants(const std::string& check, const std::string& type = "") const;
};

/// Runs the checks and tells each finding as it comes, in a fixed order. What others need (file, load, config
/// schema, start) runs where one of them is wanted, and is told where it is wanted itself or failed.
void check_plugin(const CheckOptions& options, const std::function<void(const Finding&)>& tell);

}  // namespace sluice::workshop
