#include "cli/command.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/address.hpp"
#include "store/connection_string.hpp"
#include "store/postgres_store.hpp"

namespace sluice::cli {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The first that is not empty.
std::string first_of(const std::string& a, const std::string& b, const std::string& c = {}) {
  if (!a.empty()) return a;
  return b.empty() ? c : b;
}

std::string config_path(const std::string& option) {
  std::string named = first_of(option, environment("SLUICE_CONFIG"));
  if (!named.empty()) return named;
  return std::filesystem::exists("sluice.toml") ? "sluice.toml" : "";
}

/// The default table, in the schema that a Prisma URL names.
std::string table_of(const base::Config& config) {
  if (config.database_url.empty()) return config.table;
  try {
    const std::string schema = store::url_schema(config.database_url);
    return schema.empty() ? config.table : "\"" + schema + "\".Outbox";
  } catch (const store::Refused& error) {
    throw base::UsageError(error.what());
  }
}

void resolve_http(const GlobalOptions& options, base::Config& config) {
  config.http_listen = first_of(options.http_listen, environment("SLUICE_HTTP_LISTEN"), config.http_listen);
  if (config.http_listen.empty() || base::parse_address(config.http_listen)) return;
  throw base::UsageError("'" + config.http_listen +
                         "' is no address to listen on; give HOST:PORT, such as 127.0.0.1:9640");
}

void resolve_log(const GlobalOptions& options, base::Config& config) {
  if (const std::string level = first_of(options.log_level, environment("SLUICE_LOG_LEVEL"));
      !level.empty()) {
    const auto parsed = base::parse_log_level(level);
    if (!parsed) {
      throw base::UsageError("the log level '" + level +
                             "' is none; choose one of trace, debug, info, warn, error, off");
    }
    config.log_level = *parsed;
  }
  if (const std::string format = first_of(options.log_format, environment("SLUICE_LOG_FORMAT"));
      !format.empty()) {
    const auto parsed = base::parse_log_format(format);
    if (!parsed)
      throw base::UsageError("the log format '" + format + "' is none; choose one of auto, human, json");
    config.log_format = *parsed;
  }
}

}  // namespace

base::Config GlobalOptions::resolve() const {
  base::Config config;
  const std::string default_table = config.table;
  if (const std::string path = config_path(config_file); !path.empty()) base::read_config(path, config);
  config.database_url = first_of(database_url, environment("DATABASE_URL"), config.database_url);
  config.table = first_of(table, environment("SLUICE_TABLE"), config.table);
  if (config.table == default_table) config.table = table_of(config);
  config.plugin_directory =
      first_of(plugin_directory, environment("SLUICE_PLUGIN_DIR"), config.plugin_directory);
  resolve_http(*this, config);
  resolve_log(*this, config);
  log::configure(config.log_level, config.log_format);
  return config;
}

void add_log_options(const Command& command, GlobalOptions& options) {
  command.add_option("--config", options.config_file,
                     "Configuration file [SLUICE_CONFIG; ./sluice.toml where it exists]");
  command.add_option("--log-level", options.log_level,
                     "trace, debug, info, warn, error or off [SLUICE_LOG_LEVEL]");
  command.add_option("--log-format", options.log_format,
                     "human, json or auto: human on a terminal [SLUICE_LOG_FORMAT]");
}

void add_database_options(const Command& command, GlobalOptions& options) {
  add_log_options(command, options);
  command.add_option("--database-url", options.database_url,
                     "PostgreSQL URL, Prisma's parameters accepted [DATABASE_URL; database.url]");
  command.add_option("--table", options.table,
                     "The outbox table [SLUICE_TABLE; database.table; public.Outbox]");
}

void add_plugin_options(const Command& command, GlobalOptions& options) {
  command.add_option("--plugins", options.plugin_directory,
                     "Directory with the plugins' .so files [SLUICE_PLUGIN_DIR; plugins.directory]");
}

store::PostgresOptions store_options(const base::Config& config) {
  std::set<std::string> roles;
  for (const auto& [name, plugin] : config.plugins) {
    if (!plugin.role.empty()) roles.insert(plugin.role);
  }
  return {config.database_url, config.table, {roles.begin(), roles.end()}, config.wake};
}

std::unique_ptr<store::Store> open_store(const base::Config& config) {
  if (config.database_url.empty()) {
    throw base::UsageError(
        "no database is named; give --database-url postgresql://user@host/database, or set DATABASE_URL, or "
        "database.url in sluice.toml");
  }
  try {
    return store::open_postgres(store_options(config));
  } catch (const store::Refused& error) {
    throw base::UsageError(error.what());
  }
}

void add_examples(const Command& command, const std::string& lines) {
  command.footer("Examples:\n" + lines);
}

}  // namespace sluice::cli
