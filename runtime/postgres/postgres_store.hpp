// The store in PostgreSQL. Nothing of the driver is visible here, and only this folder includes it.
#pragma once

#include <chrono>
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
  /// The database roles that run effects. init creates a function for each.
  std::vector<std::string> effect_roles{};
  bool wake = true;           ///< init creates the trigger that wakes idle runtimes; else it drops it
  Grants grants{};            ///< rights that init grants
  std::string url_file{};     ///< the file from which `url` was read; each new connection reads it again
  bool mark_at_once = false;  ///< claimed jobs are `processing` at once
  std::string direct_url{};   ///< the same database without a pool, for listening; empty: `url`
  /// The server ends each statement after this (TimedOut), and a wait for a lock after a second (HeldUp);
  /// zero: never. For what somebody waits for.
  std::chrono::milliseconds statement_limit{0};
};

/// Does not connect yet. Throws Refused if the URL or the table name is invalid. Messages never contain a
/// password.
std::unique_ptr<Store> open_postgres(const PostgresOptions& options);

/// The same for single jobs. The jobs of a runtime that is not alive are rescued as by CareSession::rescue.
std::unique_ptr<JobDesk> open_job_desk(const PostgresOptions& options, const job::RetryPolicy& fallback);

/// The statements of DeskSession::init, and of set_indexes if they are given, as a script for psql. The URL
/// is ignored.
std::string init_sql(const PostgresOptions& options, std::optional<Indexes> indexes = {});

}  // namespace sluice::postgres
