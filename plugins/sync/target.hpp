// Where records go. One object per target and slot, used by the slot's thread alone.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/job.hpp>
#include <string>
#include <vector>

#include "config.hpp"
#include "rows.hpp"

namespace data_sync {

/// What one line of a target's memory is about.
struct Scope {
  std::string source;
  std::string target;
  std::string parameters;  // JSON text, in the order of their names; or empty
};

/// What was seen of a source so far.
struct State {
  std::string cursor;  // JSON text, or empty
  std::string etag;
  std::int64_t version = 0;  // 0: nothing is kept yet
};

/// What writing came to, in numbers for the job's output.
using Counts = std::vector<std::pair<std::string, std::size_t>>;

class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Throws what would keep the job from being written, before a source is asked for nothing.
  virtual void check(const sluice::Job&) const {}
  /// A record in this target's form. Throws sluice::PermanentError.
  virtual std::string row(const rapidjson::Value& record, const std::string& place) const = 0;
  /// What was kept with the last rows; none where this target keeps nothing.
  virtual std::optional<State> recall(const Scope&, const sluice::Job&) { return std::nullopt; }
  /// Writes all rows, and `state` with them when recall() gave one.
  virtual Counts write(const Rows& rows, const Scope& scope, const std::optional<State>& state,
                       const sluice::Job& job) = 0;
};

/// `config` has to outlive it.
std::unique_ptr<Target> make_target(const TargetConfig& config);

}  // namespace data_sync
