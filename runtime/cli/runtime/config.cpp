// sluice config check shows the values in force and where they come from; sluice config sample prints a file
// to start from.
#include <iostream>
#include <set>

#include "cli/command.hpp"
#include "cli/plugin/inspection.hpp"
#include "cli/runtime/secrets.hpp"
#include "cli/text/json.hpp"
#include "cli/text/table.hpp"
#include "config/config_key.hpp"
#include "config/host_users.hpp"
#include "config/secret_grants.hpp"
#include "dashboard/access.hpp"
#include "fleet/missing_secret.hpp"
#include "postgres/link/connection_string.hpp"
#include "workshop/start_checks.hpp"

namespace sluice::cli {

namespace {

struct Line {
  std::string key;
  std::string value;  ///< as written in a file, with secrets masked; empty: absent
  std::string origin;
};

struct Report {
  std::string file;
  std::vector<Line> lines;
  std::vector<std::string> warnings;
};

template <class Owner>
std::string shown(const config::ConfigKey<Owner>& key, const Owner& owner) {
  const auto value = key.get(owner);
  if (!value) return "";
  if (!key.secret) return config::as_toml(key.kind, *value);
  if (key.kind == config::Kind::table) return masked_json(*value);
  return postgres::describe(*value);
}

template <class Owner>
void add_lines(const std::string& prefix, const std::vector<config::ConfigKey<Owner>>& keys,
               const Owner& owner, const config::Config& config, bool defaults, std::vector<Line>& lines) {
  for (const auto& key : keys) {
    const std::string path = (prefix.empty() ? key.section + "." : prefix) + key.path();
    const auto origin = config.origins.find(path);
    if (origin == config.origins.end() && !defaults) continue;
    lines.push_back({path, shown(key, owner), origin == config.origins.end() ? "default" : origin->second});
  }
}

/// Warns if a plugin would be refused at its start because its configuration does not match its schema.
void warn_of_plugin_config(const config::Config& config, const job::PluginSpec& spec, Report& report) {
  const auto settings = config.plugins.find(spec.name);
  const std::string given = settings == config.plugins.end() ? "{}" : settings->second.config;
  const auto finding = workshop::check_by_config_schema(spec, given, config.start_timeout);
  if (finding.verdict != workshop::Verdict::failed) return;
  const auto origin = config.origins.find("plugin." + spec.name + ".config");
  report.warnings.push_back((origin == config.origins.end() ? "" : origin->second + ": ") + finding.found +
                            "; " + finding.remedy);
}

/// Warns of granted secrets that can't be read, because their plugins would be refused.
void warn_of_secrets(const config::Config& config, Report& report) {
  for (const auto& [name, settings] : config.plugins) {
    const auto missing = config::secrets_of(name, config).missing;
    if (!missing) continue;
    const auto origin = config.origins.find("plugin." + name + ".secrets");
    report.warnings.push_back((origin == config.origins.end() ? "" : origin->second + ": ") +
                              fleet::refusal_words(*missing, name));
  }
}

/// Warns of tables for plugins and types that are not in the plugin directory, and of refused plugins.
void warn_of_plugins(const config::Config& config, Report& report) {
  if (config.plugin_directory.empty()) {
    report.warnings.emplace_back(
        "no plugin directory is configured, so no job runs; set plugins.directory or SLUICE_PLUGIN_DIR");
    return;
  }
  const Inspection inspection(config, fleet::find_plugins(config.plugin_directory));
  std::set<std::string> names, types;
  for (const fleet::Plugin& plugin : inspection.plugins()) {
    if (plugin.state == fleet::PluginState::refused) report.warnings.push_back("refused: " + plugin.reason);
    for (const auto& [type, reason] : plugin.refused_types) report.warnings.push_back("refused: " + reason);
    if (!plugin.spec.name.empty()) warn_of_plugin_config(config, plugin.spec, report);
    names.insert(plugin.spec.name);
    for (const job::TypeSpec& type : plugin.spec.types) types.insert(type.name);
  }
  const std::string where = " in '" + config.plugin_directory + "'; `sluice plugin list` shows the plugins";
  for (const auto& [name, settings] : config.plugins) {
    if (names.contains(name)) continue;
    report.warnings.push_back("[plugin." + name + "] has no effect: there is no plugin of that name" + where);
  }
  for (const auto& [name, settings] : config.types) {
    if (!types.contains(name)) {
      report.warnings.push_back("[type.\"" + name + "\"] has no effect: no plugin declares that job type" +
                                where);
    } else if (settings.plugin && !names.contains(*settings.plugin)) {
      report.warnings.push_back("[type.\"" + name + "\"] assigns the type to the plugin '" +
                                *settings.plugin + "', which is not" + where);
    }
  }
}

/// Another user may be able to read it.
void warn_of_tokens(const config::Config& config, Report& report) {
  if (config.http.tokens.empty()) return;
  try {
    dashboard::read_tokens(config.http.tokens);
  } catch (const base::UsageError& invalid) {
    report.warnings.emplace_back(invalid.what());
  }
}

Report make_report(const GlobalOptions& global) {
  Report report;
  const config::Config config = global.resolve();
  config::check_users(config);
  if (!config.database_url.empty() || !config.database_problem.empty())
    open_store(config);  // throws if the settings are invalid; does not connect
  report.file = global.config_path();
  add_lines("", config::config_keys(), config, config, true, report.lines);
  for (const auto& [name, settings] : config.plugins) {
    add_lines("plugin." + name + ".", config::plugin_keys(), settings, config, false, report.lines);
  }
  for (const auto& [name, settings] : config.types) {
    add_lines("type." + name + ".", config::type_keys(), settings, config, false, report.lines);
  }
  if (config.database_url.empty()) {
    report.warnings.emplace_back(
        "no database is configured; set DATABASE_URL, database.url or database.url_file");
  }
  for (const std::string& variable : config::unknown_variables(environment())) {
    report.warnings.push_back("the variable " + variable + " has no effect: it is unknown");
  }
  for (const std::string& warning : secret_warnings(config, report.file)) report.warnings.push_back(warning);
  warn_of_secrets(config, report);
  warn_of_tokens(config, report);
  warn_of_plugins(config, report);
  return report;
}

void print_json(const Report& report) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "file", report.file);
  writer.Key("values");
  writer.StartArray();
  for (const Line& line : report.lines) {
    writer.StartObject();
    member(writer, "key", line.key);
    member(writer, "value", line.value);
    member(writer, "from", line.origin);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("warnings");
  writer.StartArray();
  for (const std::string& warning : report.warnings) writer.String(warning.c_str());
  writer.EndArray();
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

void print_text(const Report& report) {
  std::vector<std::vector<std::string>> rows{{"KEY", "VALUE", "FROM"}};
  for (const Line& line : report.lines) {
    rows.push_back({line.key, line.value.empty() ? "none" : line.value, line.origin});
  }
  std::cout << (report.file.empty() ? "no configuration file" : "file " + report.file) << "\n\n"
            << table(rows);
  if (report.warnings.empty()) return;
  std::cout << "\nwarnings:\n";
  for (const std::string& warning : report.warnings) std::cout << "  " << warning << "\n";
}

int check(const GlobalOptions& global, bool json) {
  const Report report = make_report(global);
  (json ? print_json : print_text)(report);
  return report.warnings.empty() ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_config(const Command& program, GlobalOptions& global, int& code) {
  const Command config = program.add_subcommand("config", "Check the configuration, or print a sample");
  config.require_subcommand();
  static bool json = false;

  const Command check_command = config.add_subcommand(
      "check",
      "Check the configuration, and show the values in force and where they come from, without secrets. Asks "
      "the plugins in the directory, but no database. Exits with 2 if the configuration can't be used, and "
      "with 1 if there are warnings");
  add_database_options(check_command, global);
  add_plugin_options(check_command, global);
  check_command.add_flag("--json", json, "Print the result as JSON");
  add_examples(check_command,
               "  sluice config check\n"
               "  sluice config check --config /etc/sluice/sluice.toml --json");
  check_command.callback([&] { code = check(global, json); });

  const Command sample_command =
      config.add_subcommand("sample", "Print a commented sluice.toml with every key, at its default");
  add_examples(sample_command, "  sluice config sample >sluice.toml");
  sample_command.callback([&] {
    std::cout << config::sample_config();
    code = ExitCode::ok;
  });
  add_examples(config, "  sluice config check\n  sluice config sample >sluice.toml");
}

}  // namespace sluice::cli
