#include "database_target.hpp"

#include <algorithm>
#include <chrono>

#include "json.hpp"
#include "trouble.hpp"

namespace data_sync {

namespace {

// The values of `parameters` for the position and the configuration. They have their own rows beside that of
// the cursor, because state tables have no columns for them.

std::string position_of(const Scope& scope) {
  return "position " + scope.parameters;
}

std::string configuration_of(const Scope& scope) {
  return "configuration " + scope.parameters;
}

}  // namespace

/// The state of a write in progress.
struct ToDatabase::Writing {
  const Sql& sql;
  Rows& rows;
  const sluice::Job& job;
  std::size_t inserted = 0;
  std::size_t updated = 0;
  std::size_t deleted = 0;
};

// The server may have closed the kept connection since the last job. A check costs a round trip, but without
// it a closed connection would cost an attempt.
Connection& ToDatabase::open(const sluice::Job& job) {
  if (connection_ && connection_->is_open()) {
    try {
      connection_->run("SELECT 1", {}, "checking the connection", job);
      return *connection_;
    } catch (const Trouble&) {
      job.log().debug("the database connection was lost since the last job; connecting again");
    }
  }
  return connection_.emplace(config_, job);
}

std::optional<State> ToDatabase::recall(const Scope& scope, const sluice::Job& job) {
  if (config_.state.empty()) return std::nullopt;
  const Answers found = open(job).run(
      "SELECT parameters, coalesce(cursor, ''), coalesce(etag, ''), version FROM " + config_.state +
          " WHERE source = $1 AND target = $2 AND parameters IN ($3, $4, $5)",
      {scope.source, scope.target, scope.parameters, position_of(scope), configuration_of(scope)},
      "reading the state in " + config_.state, job);
  State state;
  for (int i = 0; i < found.size(); ++i) {
    const std::string parameters = found.text(i, 0);
    const std::string text = found.text(i, 1);
    if (parameters == position_of(scope)) {
      state.position = text;
    } else if (parameters == configuration_of(scope)) {
      state.configuration = text;
    } else {
      state.cursor = text;
      state.etag = found.text(i, 2);
      state.version = found.integer(i, 3);
    }
  }
  state.had_position = !state.position.empty();
  return state;
}

Counts ToDatabase::write(Rows& rows, bool all, const Scope& scope, const std::optional<State>& state,
                         const sluice::Job& job) {
  Connection& connection = open(job);
  try {
    connection.begin(job);
    Counts counts = write_rows(rows, all, job);
    if (state) keep(scope, *state, job);
    connection.commit(job);
    return counts;
  } catch (const BadRecord& error) {
    connection.roll_back();
    throw sluice::PermanentError(error.code(), error.what());
  } catch (...) {
    connection.roll_back();
    throw;
  }
}

ColumnTypes ToDatabase::types(const sluice::Job& job) {
  const Answers found = connection_->run(
      "WITH RECURSIVE named(name, type, modifier) AS ("
      "SELECT attname, atttypid, atttypmod FROM pg_catalog.pg_attribute "
      "WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped "
      "UNION ALL SELECT named.name, domain.typbasetype, domain.typtypmod FROM named "
      "JOIN pg_catalog.pg_type AS domain ON domain.oid = named.type WHERE domain.typtype = 'd') "
      "SELECT named.name, pg_catalog.format_type(named.type, named.modifier) FROM named "
      "JOIN pg_catalog.pg_type AS base ON base.oid = named.type WHERE base.typtype <> 'd'",
      {config_.table}, "reading the columns of " + config_.table, job);
  ColumnTypes types;
  for (int i = 0; i < found.size(); ++i) types[found.text(i, 0)] = found.text(i, 1);
  return types;
}

Counts ToDatabase::write_rows(Rows& rows, bool all, const sluice::Job& job) {
  const Sql sql(config_, types(job));
  Writing writing{sql, rows, job};
  std::size_t done = 0;
  for (const Batch& batch : batches_of(rows.all(), config_.batch_rows)) {
    write_batch(batch, 0, batch.rows.size(), writing);
    done += batch.rows.size();
    job.progress(static_cast<double>(done) / static_cast<double>(rows.size()));
  }
  std::size_t bad = 0;
  for (const Skipped& skipped : rows.skipped) bad += skipped.code.rfind("database-", 0) == 0 ? 1 : 0;
  const std::size_t unchanged = rows.size() - writing.inserted - writing.updated - writing.deleted - bad;
  Counts counts{{"inserted", writing.inserted}, {"updated", writing.updated}, {"unchanged", unchanged}};
  if (config_.deleted) counts.emplace_back("deleted", writing.deleted);
  if (all && config_.remove_missing) counts.emplace_back("removed", remove_missing(writing));
  return counts;
}

// A batch that the database refuses is halved until the bad record is found.
void ToDatabase::write_batch(const Batch& batch, std::size_t first, std::size_t end, Writing& writing) {
  try {
    connection_->attempt(writing.job, [&] { write_some(batch, first, end, writing); });
  } catch (const BadRecord& error) {
    if (end - first > 1) {
      const std::size_t middle = first + (end - first) / 2;
      write_batch(batch, first, middle, writing);
      write_batch(batch, middle, end, writing);
      return;
    }
    const Row& row = *batch.rows[first];
    const BadRecord bad = blamed(row, error, writing);
    if (!config_.records.skip_bad) throw bad;
    writing.rows.skipped.push_back(
        {writing.rows.place(row), row.key, bad.code(), bad.what(), bad.column(), bad.value()});
  }
}

void ToDatabase::write_some(const Batch& batch, std::size_t first, std::size_t end, Writing& writing) {
  const std::string what = "writing to " + config_.table;
  const std::string rows = array_of(batch.rows, first, end);
  if (batch.deleted) {
    const Answers counted = connection_->run(writing.sql.removal(), {rows}, what, writing.job);
    writing.deleted += static_cast<std::size_t>(counted.integer(0, 0));
    return;
  }
  const Answers counted = connection_->run(writing.sql.upsert(batch.shapes), {rows}, what, writing.job);
  writing.inserted += static_cast<std::size_t>(counted.integer(0, 0));
  writing.updated += static_cast<std::size_t>(counted.integer(0, 1));
}

/// The error of one row with its place, its key, and the column and its value if one column caused it.
BadRecord ToDatabase::blamed(const Row& row, const BadRecord& error, Writing& writing) {
  std::string column = error.column();
  for (const Column& each : config_.records.columns) {
    if (!column.empty()) break;
    try {
      connection_->attempt(writing.job, [&] {
        connection_->run(writing.sql.probe(each), {"[" + row.json + "]"}, "testing a value", writing.job);
      });
    } catch (const BadRecord&) {
      column = each.name;
    }
  }
  std::string value;
  if (!column.empty()) {
    const rapidjson::Document json = parse_json(row.json);
    const auto found =
        json.FindMember(rapidjson::Value(column.c_str(), static_cast<rapidjson::SizeType>(column.size())));
    if (found != json.MemberEnd()) value = shortened(to_text(found->value));
  }
  std::string words = writing.rows.place(row) + ", key " + shortened(row.key);
  if (!column.empty()) words += ", column '" + column + "'";
  if (!value.empty()) words += ", value " + value;
  return {error.code(), words + ": " + error.what(), column, value};
}

std::size_t ToDatabase::remove_missing(Writing& writing) {
  if (!writing.rows.skipped.empty()) {
    writing.job.log().warn("no rows are removed, because the rows of skipped records would be removed too");
    return 0;
  }
  std::string keys = "[";
  for (const Row& row : writing.rows.all()) {
    if (!row.deleted) keys += (keys.size() > 1 ? "," : "") + row.key;
  }
  keys += "]";
  const std::string what = "finding rows of " + config_.table + " that the source no longer has";
  const Answers counted = connection_->run(writing.sql.missing_count(), {keys}, what, writing.job);
  const auto missing = static_cast<double>(counted.integer(0, 0));
  const auto there = static_cast<double>(counted.integer(0, 1));
  if (missing == 0) return 0;
  if (missing > there * config_.max_removed_share) {
    throw sluice::PermanentError(
        "too-many-removed",
        what + ": " + counted.text(0, 0) + " of " + counted.text(0, 1) +
            ", which is more than max_removed_share; nothing was written. If the source is complete, "
            "raise max_removed_share for one run");
  }
  const Answers removed = connection_->run(writing.sql.missing_removal(), {keys}, what, writing.job);
  return static_cast<std::size_t>(removed.integer(0, 0));
}

// Fails if another job has written since recall(), because this job's records could be older.
void ToDatabase::keep(const Scope& scope, const State& state, const sluice::Job& job) {
  const Answers kept = connection_->run(
      "INSERT INTO " + config_.state +
          " AS kept (source, target, parameters, cursor, etag, version, updated_at)"
          " VALUES ($1, $2, $3, nullif($4, ''), nullif($5, ''), 1, now())"
          " ON CONFLICT (source, target, parameters) DO UPDATE SET cursor = EXCLUDED.cursor, etag = "
          "EXCLUDED.etag,"
          " version = kept.version + 1, updated_at = now() WHERE kept.version = $6::bigint RETURNING 1",
      {scope.source, scope.target, scope.parameters, state.cursor, state.etag, std::to_string(state.version)},
      "writing the state to " + config_.state, job);
  if (kept.size() == 1) {
    if (!state.position.empty() || state.had_position)
      keep_beside(scope, position_of(scope), state.position, job);
    if (state.configuration != scope.configuration)
      keep_beside(scope, configuration_of(scope), scope.configuration, job);
    return;
  }
  throw Trouble("overtaken",
                "another job synced '" + scope.source + "' to '" + scope.target +
                    "' meanwhile; nothing was written, and this job is retried",
                std::chrono::seconds(1));
}

// keep() has just locked the scope's row, so no other job writes these rows at the same time.
void ToDatabase::keep_beside(const Scope& scope, const std::string& parameters, const std::string& text,
                             const sluice::Job& job) {
  connection_->run("INSERT INTO " + config_.state +
                       " AS kept (source, target, parameters, cursor, version, updated_at)"
                       " VALUES ($1, $2, $3, nullif($4, ''), 1, now())"
                       " ON CONFLICT (source, target, parameters) DO UPDATE SET cursor = EXCLUDED.cursor,"
                       " version = kept.version + 1, updated_at = now()",
                   {scope.source, scope.target, parameters, text}, "writing a row to " + config_.state, job);
}

}  // namespace data_sync
