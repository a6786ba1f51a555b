// Writes records to a target. There is one object per target and slot; only the slot's thread uses it.
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

/// What a kept state belongs to.
struct Scope {
  std::string source;
  std::string target;
  std::string parameters;     // JSON text, in the order of their names; or empty
  std::string configuration;  // a digest of what a cursor depends on: see configuration_of
};

/// What earlier jobs have read from a source.
struct State {
  std::string cursor;  // JSON text, or empty
  std::string etag;
  std::int64_t version = 0;  // 0: nothing is kept yet
  /// Where a job stopped before the last page, as JSON text: see Position. Empty: no such job.
  std::string position;
  bool had_position = false;  // whether a position was kept
  std::string configuration;  // under which it was kept; empty: unknown
};

/// Numbers of written rows, by name, for the job's output.
using Counts = std::vector<std::pair<std::string, std::size_t>>;

class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Throws Trouble if the job can't be written, before the source is read in vain.
  virtual void check(const sluice::Job&) const {}
  virtual const Records& rules() const = 0;
  /// A record in this target's form. Throws BadRecord.
  virtual Row row(const rapidjson::Value& record) const = 0;
  /// Whether rows without a record are removed, which needs a job that has read the whole source.
  virtual bool removes_missing() const { return false; }
  /// The state that was kept with the last rows; std::nullopt if this target keeps none.
  virtual std::optional<State> recall(const Scope&, const sluice::Job&) { return std::nullopt; }
  /// Writes all rows, together with `state` if recall() returned one. Adds bad records to rows.skipped, or
  /// throws, as rules() say. With `all`, the rows are all that the source has.
  virtual Counts write(Rows& rows, bool all, const Scope& scope, const std::optional<State>& state,
                       const sluice::Job& job) = 0;
};

/// `config` must outlive the target.
std::unique_ptr<Target> make_target(const TargetConfig& config);

}  // namespace data_sync
