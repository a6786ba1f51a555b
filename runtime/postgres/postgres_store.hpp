// The store in PostgreSQL. Nothing of the driver shows here: only this folder includes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/interface.hpp"
#include "postgres/schema/grants.hpp"
#include "store/job_desk.hpp"

namespace sluice::postgres {

struct PostgresOptions {
  std::string url;                      ///< as in connection_string.hpp; may be Prisma's DATABASE_URL
  std::string table = "public.Outbox";  ///< as in table_name.hpp
  /// The database roles under which effects run: init makes a function for each.
  std::vector<std::string> effect_roles{};
  bool wake = true;  ///< init puts a trigger on the table that wakes idle runtimes; else it takes it off
  Grants grants{};   ///< that init gives
  std::string url_file{};     ///< that `url` was read from; each new connection reads it again
  bool mark_at_once = false;  ///< claimed jobs are `processing` at once
  std::string direct_url{};   ///< to the same database past a pool, for what has to listen; empty: `url`
};

/// Connects to nothing yet. Throws Refused when the url or the table name can't be read; no message
/// ever holds a password.
std::unique_ptr<Store> open_postgres(const PostgresOptions& options);

/// The same for single jobs. Those of a runtime that is not alive are rescued as by CareSession::rescue.
std::unique_ptr<JobDesk> open_job_desk(const PostgresOptions& options, const job::RetryPolicy& fallback);

/// The statements of DeskSession::init, and of set_indexes where they are given, as a script for psql; the
/// url is not looked at.
std::string init_sql(const PostgresOptions& options, std::optional<Indexes> indexes = {});

}  // namespace sluice::postgres
