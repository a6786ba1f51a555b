// The text of /metrics, made from values; docs/metrics.md has the list. Only types of plugins that are or
// were live here get their own label, so the number of labels is bounded. Waiting jobs of other types are
// counted together as "(other)".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/watch/observer.hpp"
#include "engine/watch/statement_times.hpp"
#include "engine/watch/summary.hpp"
#include "http/database_watch.hpp"
#include "http/process_usage.hpp"

namespace sluice::http {

struct Measured {
  std::string version;
  std::map<std::string, engine::TypeSummary> types;
  engine::RuntimeSummary total;
  std::map<std::string, engine::StatementSummary> statements;
  bool database_up = true;
  std::optional<engine::Observation> loop;  ///< nullopt if the event loop did not answer
  DepthLook depths;
  std::optional<ProcessUsage> process;
};

/// In Prometheus' text format.
std::string metrics_text(const Measured& measured);

inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace sluice::http
