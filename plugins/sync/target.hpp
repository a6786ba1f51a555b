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
  std::string parameters;     // JSON text, in the order of their names; or empty
  std::string configuration;  // a digest of what a cursor depends on: see configuration_of
};

/// What was seen of a source so far.
struct State {
  std::string cursor;  // JSON text, or empty
  std::string etag;
  std::int64_t version = 0;  // 0: nothing is kept yet
  /// Where a job that did not come to the end of the pages left off, as JSON text: see Position. Empty: at no
  /// page.
  std::string position;
  bool had_position = false;  // whether one was kept
  std::string configuration;  // under which it was kept; empty: not known
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
  virtual const Records& rules() const = 0;
  /// A record in this target's form. Throws BadRecord.
  virtual Row row(const rapidjson::Value& record) const = 0;
  /// Whether rows that no record named are to go, which takes a job that has read all of the source.
  virtual bool removes_missing() const { return false; }
  /// What was kept with the last rows; none where this target keeps nothing.
  virtual std::optional<State> recall(const Scope&, const sluice::Job&) { return std::nullopt; }
  /// Writes all rows, and `state` with them when recall() gave one. Bad records are added to rows.skipped, or
  /// throw, as rules() say. With `all` the rows are all that the source has.
  virtual Counts write(Rows& rows, bool all, const Scope& scope, const std::optional<State>& state,
                       const sluice::Job& job) = 0;
};

/// `config` has to outlive it.
std::unique_ptr<Target> make_target(const TargetConfig& config);

}  // namespace data_sync
