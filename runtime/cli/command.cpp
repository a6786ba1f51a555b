#include "cli/command.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "base/secret_file.hpp"
#include "postgres/link/connection_string.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::cli {

namespace {

constexpr const char* system_config = "/etc/sluice/sluice.toml";

/// The plugin directory of an installed sluice, relative to the directory of the program.
std::string installed_plugins() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto directory = program.parent_path().parent_path() / "lib" / "sluice" / "plugins";
  return !error && std::filesystem::is_directory(directory, error) ? directory.string() : "";
}

/// The default table, in the schema of a Prisma URL.
std::string table_of(const config::Config& config) {
  if (config.database_url.empty()) return config.table;
  const std::string schema = postgres::url_schema(config.database_url);
  return schema.empty() ? config.table : "\"" + schema + "\".Outbox";
}

/// Keeps an error in the URL for later, because only some commands need the database.
void find_database(config::Config& config, const std::string& default_table) {
  try {
    if (!config.database_url_file.empty()) {
      config.database_url = base::read_secret_file(config.database_url_file);
      config.origins["database.url"] = config.database_url_file;
    }
    if (config.table == default_table) config.table = table_of(config);
  } catch (const std::runtime_error& error) {
    config.database_problem = error.what();
  }
}

}  // namespace

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string GlobalOptions::config_path() const {
  if (!config_file.empty()) return config_file;
  const char* named = std::getenv("SLUICE_CONFIG");
  if (named != nullptr && *named != 0) return named;
  for (const char* path : {"sluice.toml", system_config}) {
    if (std::filesystem::exists(path)) return path;
  }
  return "";
}

config::Config GlobalOptions::resolve() const {
  return read(true);
}

config::Config GlobalOptions::reread() const {
  return read(false);
}

config::Config GlobalOptions::read(bool set_log_up) const {
  config::Config config;
  const std::string default_table = config.table;
  if (const std::string path = config_path(); !path.empty()) config::read_config(path, config);
  config::read_environment(environment(), config);
  struct Given {
    const char* key;
    const std::string& value;
    const char* option;
  };
  for (const Given& given :
       {Given{"database.url", database_url, "--database-url"}, Given{"database.table", table, "--table"},
        Given{"plugins.directory", plugin_directory, "--plugins"},
        Given{"http.listen", http_listen, "--listen"}, Given{"log.level", log_level, "--log-level"},
        Given{"log.format", log_format, "--log-format"}}) {
    if (!given.value.empty()) config::set_option(config, given.key, given.value, given.option);
  }
  config::check_config(config);
  if (set_log_up) log::configure(config.log_level, config.log_format);
  find_database(config, default_table);
  if (config.table != default_table)
    config.origins.try_emplace("database.table", "the schema in database.url");
  if (config.plugin_directory.empty()) {
    config.plugin_directory = installed_plugins();
    if (!config.plugin_directory.empty()) config.origins["plugins.directory"] = "where sluice is installed";
  }
  return config;
}

void add_log_options(const Command& command, GlobalOptions& options) {
  command
      .add_option("--config", options.config_file,
                  "Configuration file [SLUICE_CONFIG; ./sluice.toml, /etc/sluice/sluice.toml]")
      .takes("FILE");
  command
      .add_option("--log-level", options.log_level,
                  "Least severe level that is logged [SLUICE_LOG_LEVEL; log.level; info]")
      .takes("trace|debug|info|warn|error|off");
  command
      .add_option("--log-format", options.log_format,
                  "auto is human on a terminal and json elsewhere [SLUICE_LOG_FORMAT; log.format]")
      .takes("auto|human|json");
}

void add_database_options(const Command& command, GlobalOptions& options) {
  add_log_options(command, options);
  command
      .add_option("--database-url", options.database_url,
                  "PostgreSQL URL; Prisma's parameters are accepted [DATABASE_URL; database.url]")
      .takes("URL");
  command
      .add_option("--table", options.table, "The outbox table [SLUICE_TABLE; database.table; public.Outbox]")
      .takes("TABLE");
}

void add_plugin_options(const Command& command, GlobalOptions& options) {
  command
      .add_option("--plugins", options.plugin_directory,
                  "Directory with the plugins' .so files [SLUICE_PLUGIN_DIR; plugins.directory]")
      .takes("DIR");
}

postgres::PostgresOptions store_options(const config::Config& config) {
  std::set<std::string> roles;
  for (const auto& [name, plugin] : config.plugins) {
    if (!plugin.role.empty()) roles.insert(plugin.role);
  }
  if (!config.database_problem.empty()) throw base::UsageError(config.database_problem);
  return {config.database_url,
          config.table,
          {roles.begin(), roles.end()},
          config.wake,
          {},
          config.database_url_file,
          config.processing_after.count() == 0,
          config.database_direct_url};
}

std::unique_ptr<store::Store> open_store(const config::Config& config, postgres::Grants grants,
                                         std::chrono::milliseconds statement_limit) {
  if (config.database_url.empty() && config.database_problem.empty()) {
    throw base::UsageError(
        "no database is configured; give --database-url postgresql://user@host/database, or set "
        "DATABASE_URL, or database.url in sluice.toml");
  }
  try {
    postgres::PostgresOptions options = store_options(config);
    options.grants = std::move(grants);
    options.statement_limit = statement_limit;
    return postgres::open_postgres(options);
  } catch (const store::Refused& error) {
    throw base::UsageError(error.what());
  }
}

const std::string& plugin_directory(const config::Config& config) {
  if (config.plugin_directory.empty()) {
    throw base::UsageError("no plugin directory is configured; give --plugins DIR, or set SLUICE_PLUGIN_DIR");
  }
  return config.plugin_directory;
}

void add_examples(const Command& command, const std::string& lines) {
  command.footer("Examples:\n" + lines);
}

}  // namespace sluice::cli
