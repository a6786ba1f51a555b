// sluice plugin docs: describes the job types for an application's developers, as Markdown.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "cli/command.hpp"
#include "cli/plugin/inspection.hpp"
#include "cli/plugin/schema_table.hpp"
#include "config/job_settings.hpp"
#include "job/retry_policy.hpp"

namespace sluice::cli {

namespace {

/// Text for a line of Markdown, with the characters escaped that would begin markup.
std::string inline_text(const std::string& text) {
  std::string safe;
  std::string line = text;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  for (const char c : base::harmless(line)) {
    if (std::string("\\`*_[]<>|").find(c) != std::string::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

void print_defaults(const job::TypeSpec& type, const config::Config& config) {
  const job::RetryPolicy policy = config::policy_of(type, config);
  std::cout << "| | |\n|---|---|\n"
            << "| attempts in all | " << policy.max_attempts << " |\n"
            << "| wait before the next | " << base::format_duration(policy.backoff_first)
            << ", doubled up to " << base::format_duration(policy.backoff_cap) << " |\n"
            << "| time for one attempt | "
            << (type.timeout.count() > 0 ? base::format_duration(type.timeout) : "as long as it takes")
            << " |\n"
            << "| at once, in one runtime | "
            << (type.concurrency > 0 ? std::to_string(type.concurrency) : "as many as its slots") << " |\n";
  if (type.at_most_once) std::cout << "| after a crash | not run again: its type runs at most once |\n";
  if (type.brief) std::cout << "| a repeat | does no harm: its type is brief |\n";
  std::cout << "\n";
}

void print_type(const job::TypeSpec& type, const config::Config& config) {
  std::cout << "### `" << type.name << "`\n\n";
  if (!type.summary.empty()) std::cout << inline_text(type.summary) << ".\n\n";
  std::cout << (type.payload_schema.empty() ? "Any payload is valid.\n\n"
                                            : schema_table(type.payload_schema));
  if (!type.payload_example.empty())
    std::cout << "```json\n" << base::harmless_lines(indented_json(type.payload_example)) << "\n```\n\n";
  print_defaults(type, config);
}

void print_plugin(const fleet::Plugin& plugin, const config::Config& config) {
  const job::PluginSpec& spec = plugin.spec;
  std::cout << "## " << inline_text(spec.name) << " " << inline_text(spec.version) << "\n\n";
  if (!spec.summary.empty()) std::cout << inline_text(spec.summary) << ".\n\n";
  std::vector<job::TypeSpec> types;
  for (const job::TypeSpec& type : spec.types) {
    if (std::count(plugin.types.begin(), plugin.types.end(), type.name) > 0) types.push_back(type);
  }
  std::sort(types.begin(), types.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const job::TypeSpec& type : types) print_type(type, config);
}

void print_contents(const std::vector<const fleet::Plugin*>& plugins) {
  std::cout << "# Job types\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const fleet::Plugin* plugin : plugins) {
    for (const job::TypeSpec& type : plugin->spec.types) {
      if (std::count(plugin->types.begin(), plugin->types.end(), type.name) > 0)
        rows.push_back({type.name, type.summary, plugin->spec.name});
    }
  }
  std::sort(rows.begin(), rows.end());
  std::cout << "| type | does | plugin |\n|---|---|---|\n";
  for (const auto& row : rows) {
    std::cout << "| `" << row[0] << "` | " << inline_text(row[1]) << " | " << inline_text(row[2]) << " |\n";
  }
  std::cout << "\n";
}

int docs(const GlobalOptions& global, const std::string& directory) {
  const config::Config config = global.resolve();
  const Inspection inspection(config, fleet::find_plugins(directory));
  std::vector<const fleet::Plugin*> described;
  int code = ExitCode::ok;
  for (const fleet::Plugin& plugin : inspection.plugins()) {
    if (plugin.state != fleet::PluginState::refused) {
      described.push_back(&plugin);
      continue;
    }
    std::cerr << "sluice: refused: " << base::harmless(plugin.reason) << "\n";
    code = ExitCode::failed;
  }
  std::sort(described.begin(), described.end(),
            [](const auto* a, const auto* b) { return a->spec.name < b->spec.name; });
  print_contents(described);
  for (const fleet::Plugin* plugin : described) print_plugin(*plugin, config);
  return code;
}

}  // namespace

void add_plugin_docs(const Command& plugin, GlobalOptions& global, int& code) {
  const Command command =
      plugin.add_subcommand("docs", "Describe the job types of the plugins in a directory, as Markdown");
  add_log_options(command, global);
  static std::string directory;
  command.add_option("DIR", directory, "Directory with the plugins' .so files").required();
  add_examples(command, "  sluice plugin docs /usr/lib/sluice/plugins > jobs.md");
  command.callback([&] { code = docs(global, directory); });
}

}  // namespace sluice::cli
