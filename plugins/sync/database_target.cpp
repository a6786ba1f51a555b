#include "database_target.hpp"

#include <algorithm>
#include <chrono>

#include "trouble.hpp"
#include "upsert.hpp"

namespace data_sync {

ToDatabase::ToDatabase(const DatabaseTarget& config) : config_(config), upsert_(counted_upsert(config)) {}

std::string ToDatabase::row(const rapidjson::Value& record, const std::string& place) const {
  return database_row(record, config_, place);
}

// A kept connection may have been closed by the server since the last job: asking it costs a round trip, and
// finding out in the middle would cost an attempt.
Connection& ToDatabase::open(const sluice::Job& job) {
  if (connection_ && connection_->is_open()) {
    try {
      connection_->run("SELECT 1", {}, "looking after the connection", job);
      return *connection_;
    } catch (const Trouble&) {
      job.log().debug("the database connection was lost since the last job; connecting again");
    }
  }
  connection_.reset();
  return connection_.emplace(config_, job);
}

std::optional<State> ToDatabase::recall(const Scope& scope, const sluice::Job& job) {
  if (config_.state.empty()) return std::nullopt;
  const Answers found =
      open(job).run("SELECT coalesce(cursor, ''), coalesce(etag, ''), version FROM " + config_.state +
                        " WHERE source = $1 AND target = $2 AND parameters = $3",
                    {scope.source, scope.target, scope.parameters},
                    "reading what was seen so far, from " + config_.state, job);
  if (found.size() == 0) return State{};
  return State{found.text(0, 0), found.text(0, 1), found.integer(0, 2)};
}

Counts ToDatabase::write(const Rows& rows, const Scope& scope, const std::optional<State>& state,
                         const sluice::Job& job) {
  Connection& connection = open(job);
  try {
    connection.begin(job);
    Counts counts = write_rows(rows, job);
    if (state) keep(scope, *state, job);
    connection.commit(job);
    return counts;
  } catch (...) {
    connection.roll_back();
    throw;
  }
}

Counts ToDatabase::write_rows(const Rows& rows, const sluice::Job& job) {
  std::size_t inserted = 0;
  std::size_t updated = 0;
  for (std::size_t first = 0; first < rows.size(); first += config_.batch_rows) {
    const std::size_t end = std::min(first + config_.batch_rows, rows.size());
    const Answers counted = connection_->run(upsert_, {array_of(rows, first, config_.batch_rows)},
                                             "writing records " + std::to_string(first) + " to " +
                                                 std::to_string(end - 1) + " to " + config_.table,
                                             job);
    inserted += static_cast<std::size_t>(counted.integer(0, 0));
    updated += static_cast<std::size_t>(counted.integer(0, 1));
    job.progress(static_cast<double>(end) / static_cast<double>(rows.size()));
  }
  return {{"inserted", inserted}, {"updated", updated}, {"unchanged", rows.size() - inserted - updated}};
}

// Only if nobody else did since recall(): what this job fetched could be older than what the other one wrote.
void ToDatabase::keep(const Scope& scope, const State& state, const sluice::Job& job) {
  const Answers kept = connection_->run(
      "INSERT INTO " + config_.state +
          " AS kept (source, target, parameters, cursor, etag, version, updated_at)"
          " VALUES ($1, $2, $3, nullif($4, ''), nullif($5, ''), 1, now())"
          " ON CONFLICT (source, target, parameters) DO UPDATE SET cursor = EXCLUDED.cursor, etag = "
          "EXCLUDED.etag,"
          " version = kept.version + 1, updated_at = now() WHERE kept.version = $6::bigint RETURNING 1",
      {scope.source, scope.target, scope.parameters, state.cursor, state.etag, std::to_string(state.version)},
      "keeping what was seen in " + config_.state, job);
  if (kept.size() == 1) return;
  throw Trouble("overtaken",
                "another job has synced '" + scope.source + "' to '" + scope.target +
                    "' meanwhile; nothing was written, and it is asked again",
                std::chrono::seconds(1));
}

}  // namespace data_sync
