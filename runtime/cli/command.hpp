// What every command shares: the options that name the database, the plugins and the configuration
// file, and the exit codes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "cli/options.hpp"
#include "store/postgres_store.hpp"

namespace sluice::cli {

enum ExitCode : int {
  ok = 0,
  failed = 1,  ///< the thing asked for failed
  usage = 2,   ///< wrong usage or configuration
};

/// The options before the command's own; `resolve` turns them into the configuration in force.
struct GlobalOptions {
  std::string config_file;
  std::string database_url;
  std::string table;
  std::string plugin_directory;
  std::string http_listen;
  std::string log_level;
  std::string log_format;

  /// Defaults, then the configuration file (--config, SLUICE_CONFIG, ./sluice.toml where it exists), then the
  /// environment (DATABASE_URL, SLUICE_TABLE, SLUICE_PLUGIN_DIR, SLUICE_HTTP_LISTEN, SLUICE_LOG_LEVEL,
  /// SLUICE_LOG_FORMAT), then the command line. Also sets the log up. Throws base::UsageError.
  base::Config resolve() const;
};

/// Adds the options to a command: which of them depends on what it needs.
void add_log_options(const Command& command, GlobalOptions& options);
void add_database_options(const Command& command, GlobalOptions& options);
void add_plugin_options(const Command& command, GlobalOptions& options);

/// What the store needs to know of the configuration.
store::PostgresOptions store_options(const base::Config& config);

/// The store that the configuration names. Throws base::UsageError where it names none.
std::unique_ptr<store::Store> open_store(const base::Config& config);

/// "Examples:" at the end of a command's help, a line each.
void add_examples(const Command& command, const std::string& lines);

// Each adds its command to the program; the command leaves its exit code in `code`.
void add_init(const Command& program, GlobalOptions& options, int& code);
void add_enqueue(const Command& program, GlobalOptions& options, int& code);
void add_drain(const Command& program, GlobalOptions& options, int& code);
void add_run(const Command& program, GlobalOptions& options, int& code);
void add_status(const Command& program, GlobalOptions& options, int& code);
void add_jobs(const Command& program, GlobalOptions& options, int& code);
void add_health(const Command& program, GlobalOptions& options, int& code);
void add_plugin(const Command& program, GlobalOptions& options, int& code);
void add_version(const Command& program, int& code);

}  // namespace sluice::cli
