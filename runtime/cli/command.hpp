// Shared by all commands: the options for the database, the plugins and the configuration file, and the exit
// codes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "config/config.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::cli {

enum ExitCode : int {
  ok = 0,
  failed = 1,  ///< the requested action failed
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

  /// The configuration file: --config, else SLUICE_CONFIG, else ./sluice.toml if it exists, else
  /// /etc/sluice/sluice.toml if it exists; otherwise empty.
  std::string config_path() const;
  /// Applies the defaults, the configuration file, the environment and the command line, in this order. Also
  /// sets up the log, and reads the database's URL from its file if there is one. Throws base::UsageError.
  config::Config resolve() const;
  /// The same, but does not change the log.
  config::Config reread() const;

 private:
  config::Config read(bool set_log_up) const;
};

/// The variables of the environment.
std::map<std::string, std::string> environment();

/// Each adds the options that a command needs.
void add_log_options(const Command& command, GlobalOptions& options);
void add_database_options(const Command& command, GlobalOptions& options);
void add_plugin_options(const Command& command, GlobalOptions& options);

/// The store's part of the configuration.
postgres::PostgresOptions store_options(const config::Config& config);

/// The configured store. Throws base::UsageError if none is configured.
std::unique_ptr<store::Store> open_store(const config::Config& config, postgres::Grants grants = {},
                                         std::chrono::milliseconds statement_limit = {});

/// The configured plugin directory. Throws base::UsageError if none is configured.
const std::string& plugin_directory(const config::Config& config);

/// Adds "Examples:" to the end of a command's help, one per line.
void add_examples(const Command& command, const std::string& lines);

// Each adds its command to the program; the command leaves its exit code in `code`.
void add_init(const Command& program, GlobalOptions& options, int& code);
void add_enqueue(const Command& program, GlobalOptions& options, int& code);
void add_drain(const Command& program, GlobalOptions& options, int& code);
void add_run(const Command& program, GlobalOptions& options, int& code);
void add_dashboard(const Command& program, GlobalOptions& options, int& code);
void add_reload(const Command& program, GlobalOptions& options, int& code);
void add_status(const Command& program, GlobalOptions& options, int& code);
void add_why(const Command& program, GlobalOptions& options, int& code);
void add_mcp(const Command& program, GlobalOptions& options, int& code);
void add_jobs(const Command& program, GlobalOptions& options, int& code);
void add_webhooks(const Command& program, GlobalOptions& options, int& code);
void add_health(const Command& program, GlobalOptions& options, int& code);
void add_plugin(const Command& program, GlobalOptions& options, int& code);
// Subcommands of `plugin`.
void add_plugin_new(const Command& plugin, int& code);
void add_plugin_dev(const Command& plugin, int& code);
void add_plugin_run(const Command& plugin, GlobalOptions& options, int& code);
void add_plugin_shadow(const Command& plugin, GlobalOptions& options, int& code);
void add_plugin_check(const Command& plugin, GlobalOptions& options, int& code);
void add_plugin_lock(const Command& plugin, int& code);
void add_plugin_docs(const Command& plugin, GlobalOptions& options, int& code);
/// Adds `rollback` too.
void add_plugin_install(const Command& plugin, GlobalOptions& options, int& code);
void add_config(const Command& program, GlobalOptions& options, int& code);
void add_completion(const Command& program, int& code);
void add_version(const Command& program, int& code);

/// "sluice 1.2.3, plugin ABI 1.2".
std::string version_text();

}  // namespace sluice::cli
