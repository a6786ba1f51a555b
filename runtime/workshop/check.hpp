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

struct CheckOptions {
  std::string path;
  /// A plugin's configuration by its name; none: nobody wrote one.
  std::function<std::optional<std::string>(const std::string& plugin)> config;
  bool start = true;               ///< call init and shutdown too
  bool run_handlers = false;       ///< call handlers, with all that they do
  std::vector<std::string> types;  ///< the types whose handlers are called; empty: all
  std::uint64_t seed = 1;          ///< of the made-up payloads
  int jobs = 500;                  ///< made-up payloads, and jobs while memory is watched
  std::chrono::microseconds start_timeout{std::chrono::seconds(10)};  ///< to load, and again to start
  std::chrono::microseconds stop_timeout{std::chrono::seconds(10)};
  std::chrono::microseconds cancel_grace{std::chrono::seconds(3)};  ///< from being asked to stop to the end
  std::chrono::microseconds job_limit{std::chrono::seconds(10)};    ///< for one job, and for many in turn
};

/// Runs the checks and tells each finding as it comes, in a fixed order.
void check_plugin(const CheckOptions& options, const std::function<void(const Finding&)>& tell);

}  // namespace sluice::workshop
