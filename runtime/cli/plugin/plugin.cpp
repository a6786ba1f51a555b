// sluice plugin list and sluice plugin inspect: show what plugins declare, or why a plugin is refused.
#include <filesystem>
#include <iostream>
#include <sstream>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/landlock.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/plugin/inspection.hpp"
#include "cli/text/json.hpp"
#include "cli/text/table.hpp"

namespace sluice::cli {

namespace {

double seconds(job::Microseconds duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

void write_type(JsonWriter& writer, const fleet::Plugin& plugin, const job::TypeSpec& type) {
  writer.StartObject();
  member(writer, "name", type.name);
  member(writer, "summary", type.summary);
  member(writer, "payload_schema", type.payload_schema);
  member(writer, "payload_example", type.payload_example);
  member(writer, "max_attempts", type.max_attempts);
  member(writer, "concurrency", type.concurrency);
  member(writer, "timeout_seconds", seconds(type.timeout));
  member(writer, "backoff_first_seconds", seconds(type.backoff_first));
  member(writer, "backoff_cap_seconds", seconds(type.backoff_cap));
  member(writer, "at_most_once", type.at_most_once);
  member(writer, "brief", type.brief);
  const auto refused = plugin.refused_types.find(type.name);
  if (refused != plugin.refused_types.end()) member(writer, "refused", refused->second);
  writer.EndObject();
}

/// What of the plugin's sandbox this kernel can't enforce.
std::vector<std::string> gaps(const fleet::Plugin& plugin) {
  return job::unenforceable(plugin.settings.sandbox, base::landlock_version());
}

/// Null, if the plugin has none.
void write_sandbox(JsonWriter& writer, const fleet::Plugin& plugin) {
  const job::Sandbox& sandbox = plugin.settings.sandbox;
  writer.Key("sandbox");
  if (!sandbox.on) {
    writer.Null();
    return;
  }
  writer.StartObject();
  member(writer, "read", sandbox.read);
  member(writer, "write", sandbox.write);
  member(writer, "any_network", sandbox.any_network);
  member(writer, "unix_sockets", sandbox.unix_sockets);
  writer.Key("ports");
  writer.StartArray();
  for (const std::uint16_t port : sandbox.ports) writer.Uint(port);
  writer.EndArray();
  member(writer, "spawn", sandbox.spawn);
  member(writer, "not_enforced", gaps(plugin));
  writer.EndObject();
}

void print_json(const std::vector<fleet::Plugin>& plugins) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartArray();
  for (const fleet::Plugin& plugin : plugins) {
    writer.StartObject();
    member(writer, "file", plugin.path);
    const bool refused = plugin.state == fleet::PluginState::refused;
    member(writer, "state", std::string(refused ? "refused" : "usable"));
    if (refused) member(writer, "reason", plugin.reason);
    if (!plugin.spec.name.empty()) {
      for (const auto& [key, value] : {std::pair{"name", &plugin.spec.name},
                                       {"version", &plugin.spec.version},
                                       {"vendor", &plugin.spec.vendor},
                                       {"url", &plugin.spec.url},
                                       {"license", &plugin.spec.license},
                                       {"summary", &plugin.spec.summary},
                                       {"config_schema", &plugin.spec.config_schema}}) {
        member(writer, key, *value);
      }
      member(writer, "abi",
             std::to_string(plugin.spec.abi_major) + "." + std::to_string(plugin.spec.abi_minor));
      member(writer, "build_id", plugin.spec.build_id);
      member(writer, "declared_sandbox", plugin.spec.sandbox);
      write_sandbox(writer, plugin);
      member(writer, "limits", fleet::limit_words(plugin.settings));
      writer.Key("types");
      writer.StartArray();
      for (const job::TypeSpec& type : plugin.spec.types) write_type(writer, plugin, type);
      writer.EndArray();
    }
    writer.EndObject();
  }
  writer.EndArray();
  std::cout << buffer.GetString() << "\n";
}

bool any_refused(const std::vector<fleet::Plugin>& plugins) {
  for (const fleet::Plugin& plugin : plugins) {
    if (plugin.state == fleet::PluginState::refused || !plugin.refused_types.empty()) return true;
  }
  return false;
}

/// What a plugin in a sandbox may do, on one line.
std::string sandbox_line(const fleet::Plugin& plugin) {
  std::string line;
  for (const auto& [may, what] : job::words_of(plugin.settings.sandbox))
    line += (line.empty() ? "" : "; ") + may + " " + what;
  const std::string missing = base::joined(gaps(plugin));
  return line + (missing.empty() ? "" : "; this kernel can't restrict " + missing);
}

void print_list(const std::string& directory, const std::vector<fleet::Plugin>& plugins) {
  if (plugins.empty()) {
    std::cout << "no .so file in " << directory << "\n";
    return;
  }
  std::vector<std::vector<std::string>> rows{{"PLUGIN", "VERSION", "FILE", "JOB TYPES"}};
  std::string refusals;
  std::string sandboxes;
  std::string limits;
  for (const fleet::Plugin& plugin : plugins) {
    const std::string file = std::filesystem::path(plugin.path).filename().string();
    if (plugin.state == fleet::PluginState::refused) {
      refusals += "  " + base::harmless(plugin.reason) + "\n";
    } else {
      rows.push_back({plugin.spec.name, plugin.spec.version, file, base::joined(plugin.types)});
      if (plugin.settings.sandbox.on)
        sandboxes += "  " + plugin.spec.name + ": " + base::harmless(sandbox_line(plugin)) + "\n";
      if (const auto words = base::joined(fleet::limit_words(plugin.settings)); !words.empty())
        limits += "  " + plugin.spec.name + ": " + words + "\n";
      for (const auto& [type, reason] : plugin.refused_types)
        refusals += "  " + base::harmless(reason) + "\n";
    }
  }
  if (rows.size() > 1) std::cout << table(rows);
  if (!sandboxes.empty()) std::cout << "\nsandboxes:\n" << sandboxes;
  if (!limits.empty()) std::cout << "\nlimits of each host:\n" << limits;
  if (!refusals.empty()) std::cout << (rows.size() > 1 ? "\n" : "") << "refused:\n" << refusals;
}

void print_line(const char* label, const std::string& value) {
  if (!value.empty())
    std::cout << "  " << label << std::string(18 - std::string(label).size(), ' ') << base::harmless(value)
              << "\n";
}

/// Prints JSON with its own line breaks, indented under the first line.
void print_json_text(const char* label, const std::string& value) {
  std::istringstream lines(base::harmless_lines(value));
  for (std::string line; std::getline(lines, line); label = "")
    std::cout << "  " << label << std::string(18 - std::string(label).size(), ' ') << line << "\n";
}

std::string or_default(bool set, const std::string& value) {
  return set ? value : "as configured under [retry]";
}

void print_type(const job::TypeSpec& type) {
  std::cout << "\njob type " << type.name << "\n";
  print_line("summary", type.summary);
  print_line("max attempts", or_default(type.max_attempts > 0, std::to_string(type.max_attempts)));
  print_line("backoff", or_default(type.backoff_first.count() > 0,
                                   base::format_duration(type.backoff_first) + ", doubled" +
                                       (type.backoff_cap.count() > 0
                                            ? " up to " + base::format_duration(type.backoff_cap)
                                            : "")));
  print_line("concurrency", type.concurrency > 0 ? std::to_string(type.concurrency) : "as many as slots");
  print_line("timeout", type.timeout.count() > 0 ? base::format_duration(type.timeout)
                                                 : "job_timeout, which is 15 min if it is not set");
  print_line("at most once", type.at_most_once ? "yes: a crash or a lost runtime ends the job" : "");
  print_line("brief", type.brief ? "yes: a repeat does no harm" : "");
  print_json_text("payload schema", type.payload_schema.empty() ? "none: any payload" : type.payload_schema);
  print_json_text("example", type.payload_example);
}

void print_inspection(const fleet::Plugin& plugin) {
  const job::PluginSpec& spec = plugin.spec;
  std::cout << "plugin " << spec.name << " " << base::harmless(spec.version) << "\n";
  print_line("file", plugin.path);
  print_line("summary", spec.summary);
  print_line("vendor", spec.vendor);
  print_line("url", spec.url);
  print_line("license", spec.license);
  print_line("build id", spec.build_id);
  print_line("ABI", std::to_string(spec.abi_major) + "." + std::to_string(spec.abi_minor));
  for (const auto& [may, what] : job::words_of(plugin.settings.sandbox)) print_line(may.c_str(), what);
  print_line("not enforced", base::joined(gaps(plugin)));
  print_json_text("declares", spec.sandbox);
  print_line("limits of a host", base::joined(fleet::limit_words(plugin.settings)));
  print_json_text("config schema", spec.config_schema);
  for (const job::TypeSpec& type : spec.types) print_type(type);
}

int list(const GlobalOptions& global, bool json) {
  const config::Config config = global.resolve();
  const Inspection inspection(config, fleet::find_plugins(plugin_directory(config)));
  if (json) {
    print_json(inspection.plugins());
  } else {
    print_list(config.plugin_directory, inspection.plugins());
  }
  return any_refused(inspection.plugins()) ? ExitCode::failed : ExitCode::ok;
}

int inspect(const GlobalOptions& global, const std::string& file, bool json) {
  const config::Config config = global.resolve();
  const Inspection inspection(config, {std::filesystem::absolute(file).string()});
  const fleet::Plugin& plugin = inspection.plugins().front();
  const bool refused = plugin.state == fleet::PluginState::refused;
  if (json) {
    print_json(inspection.plugins());
  } else if (refused) {
    std::cout << "refused: " << base::harmless(plugin.reason) << "\n";
  } else {
    print_inspection(plugin);
  }
  return refused ? ExitCode::failed : ExitCode::ok;
}

}  // namespace

void add_plugin(const Command& program, GlobalOptions& global, int& code) {
  const Command plugin = program.add_subcommand("plugin", "Create, run, check, inspect and install plugins");
  plugin.require_subcommand();
  add_plugin_new(plugin, code);
  add_plugin_dev(plugin, code);
  static bool json = false;
  static std::string file;

  const Command list_command =
      plugin.add_subcommand("list", "List the plugins in a directory, and why a plugin is refused");
  add_log_options(list_command, global);
  add_plugin_options(list_command, global);
  list_command.add_flag("--json", json, "Print the list as JSON");
  add_examples(list_command, "  sluice plugin list --plugins build/plugins");
  list_command.callback([&] { code = list(global, json); });

  const Command inspect_command = plugin.add_subcommand(
      "inspect", "Show what a plugin declares: types, schemas, defaults; or why it is refused");
  add_log_options(inspect_command, global);
  inspect_command.add_option("FILE", file, "The plugin's .so file").required();
  inspect_command.add_flag("--json", json, "Print the description as JSON");
  add_examples(inspect_command, "  sluice plugin inspect build/plugins/hello.so");
  inspect_command.callback([&] { code = inspect(global, file, json); });

  add_plugin_run(plugin, global, code);
  add_plugin_shadow(plugin, global, code);
  add_plugin_check(plugin, global, code);
  add_plugin_docs(plugin, global, code);
  add_plugin_install(plugin, global, code);
  add_plugin_lock(plugin, code);
}

}  // namespace sluice::cli
