// sluice plugin check: looks for problems in a plugin before a runtime loads it, for people and for CI.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/plugin/check_choice.hpp"
#include "cli/text/json.hpp"
#include "config/job_settings.hpp"
#include "config/secret_grants.hpp"
#include "fleet/spawn.hpp"
#include "workshop/check.hpp"

namespace sluice::cli {

namespace {

using workshop::Finding;
using workshop::Verdict;

struct CheckArguments {
  std::string file;
  std::vector<std::string> types;
  std::vector<std::string> only;
  std::vector<std::string> skip;
  std::vector<std::string> waive;
  std::string limit;
  long seed = 1;
  int jobs = 500;
  bool run_handlers = false;
  bool json = false;
};

/// Prints a line for each finding as it arrives. Below a failed one is the remedy, below a waived one the
/// reason.
class FindingList {
 public:
  void add(const Finding& finding) {
    const std::string name = finding.check + (finding.subject.empty() ? "" : " " + finding.subject);
    std::cout << "  " << padded(std::string(workshop::name(finding.verdict)), 8) << padded(name, 34)
              << base::harmless(base::shortened(finding.found, 600)) << "\n";
    if (finding.verdict == Verdict::failed) add_below(finding.remedy);
    if (finding.verdict == Verdict::waived) add_below("waived: " + finding.reason);
    std::cout.flush();
  }

 private:
  static void add_below(const std::string& text) {
    std::cout << std::string(10, ' ') << "→ " << base::harmless(text) << "\n";
  }
  static std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(text.size() < width ? width - text.size() : 1, ' ');
  }
};

void print_json(const std::string& file, const std::vector<Finding>& findings,
                const std::vector<std::string>& useless, bool sound) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "file", file);
  member(writer, "passed", sound);
  writer.Key("checks");
  writer.StartArray();
  for (const Finding& finding : findings) {
    writer.StartObject();
    member(writer, "check", finding.check);
    if (!finding.subject.empty()) member(writer, "type", finding.subject);
    member(writer, "verdict", std::string(workshop::name(finding.verdict)));
    member(writer, "found", base::valid_utf8(finding.found));
    if (!finding.remedy.empty()) member(writer, "remedy", finding.remedy);
    if (!finding.reason.empty()) member(writer, "reason", base::valid_utf8(finding.reason));
    writer.EndObject();
  }
  writer.EndArray();
  writer.Key("useless_waivers");
  writer.StartArray();
  for (const std::string& sentence : useless)
    writer.String(sentence.data(), static_cast<rapidjson::SizeType>(sentence.size()));
  writer.EndArray();
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

void print_summary(const std::vector<Finding>& findings, const std::vector<std::string>& useless) {
  const auto count = [&](Verdict verdict) {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& finding) { return finding.verdict == verdict; });
  };
  std::cout << "  " << count(Verdict::passed) << " passed, " << count(Verdict::failed) << " failed, "
            << count(Verdict::skipped) << " skipped";
  if (count(Verdict::waived) > 0) std::cout << ", " << count(Verdict::waived) << " waived";
  std::cout << "\n";
  for (const std::string& sentence : useless) std::cout << "  " << base::harmless(sentence) << "\n";
}

workshop::CheckOptions options_for(const config::Config& config, const CheckArguments& arguments) {
  workshop::CheckOptions options;
  options.path = std::filesystem::absolute(arguments.file).string();
  options.config = [&config](const std::string& plugin) -> std::optional<std::string> {
    const auto set = config.plugins.find(plugin);
    if (set == config.plugins.end() || set->second.config == "{}") return std::nullopt;
    return set->second.config;
  };
  options.secrets = [&config](const std::string& plugin) { return config::secrets_of(plugin, config); };
  options.trust = config::trust_of(config);
  options.run_handlers = arguments.run_handlers;
  options.types = arguments.types;
  options.only = parse_check_choices("--only", arguments.only);
  options.skip = parse_check_choices("--skip", arguments.skip);
  options.seed = static_cast<std::uint64_t>(arguments.seed);
  options.jobs = arguments.jobs;
  options.start_timeout = config.start_timeout;
  options.stop_timeout = config.start_timeout;
  options.cancel_grace = config.cancel_grace;
  if (!arguments.limit.empty()) {
    const auto limit = base::parse_duration(arguments.limit);
    if (!limit)
      throw base::UsageError("--limit: invalid duration '" + arguments.limit +
                             "', expected for example 500ms or 30s");
    options.job_limit = *limit;
  }
  return options;
}

int check(const GlobalOptions& global, const CheckArguments& arguments) {
  const config::Config config = global.resolve();
  log::configure(log::Level::off, config.log_format);
  fleet::withhold(config::secret_variables(config));
  std::vector<Finding> findings;
  FindingList list;
  workshop::Waivers waivers(parse_waivers(arguments.waive));
  workshop::check_plugin(options_for(config, arguments), [&](const Finding& finding) {
    findings.push_back(waivers.judge(finding));
    if (!arguments.json) list.add(findings.back());
  });
  const bool sound = std::none_of(findings.begin(), findings.end(),
                                  [](const Finding& finding) { return finding.verdict == Verdict::failed; });
  if (arguments.json) {
    print_json(arguments.file, findings, waivers.useless(), sound);
  } else {
    print_summary(findings, waivers.useless());
  }
  return sound ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_plugin_check(const Command& plugin, GlobalOptions& global, int& code) {
  const Command command =
      plugin.add_subcommand("check", "Check a plugin: its file, its start, and its handlers");
  add_log_options(command, global);
  static CheckArguments arguments;
  command.add_option("FILE", arguments.file, "The plugin's .so file").required();
  command.add_flag(
      "--run-handlers", arguments.run_handlers,
      "Call the handlers too, with example and generated payloads. They do real work: mails are sent, files "
      "are written");
  command.add_option("--type", arguments.types, "Only call the handlers of this type").take_all();
  command.add_option("--only", arguments.only, "Only run this check, or CHECK:TYPE for one job type")
      .take_all()
      .takes("CHECK");
  command.add_option("--skip", arguments.skip, "Skip this check, or CHECK:TYPE for one job type")
      .take_all()
      .takes("CHECK");
  command
      .add_option("--waive", arguments.waive,
                  "Allow this check, or CHECK:TYPE, to fail. It is shown as waived, with the reason")
      .take_all()
      .takes("CHECK=REASON");
  command.add_option("--seed", arguments.seed, "The seed of the generated payloads [1]").positive();
  command
      .add_option("--jobs", arguments.jobs,
                  "The number of payloads to generate, and of jobs to run when looking for leaks [500]")
      .positive();
  command.add_option("--limit", arguments.limit,
                     "The time limit for one job, and for `fuzz` and `slots` in total [10s]");
  command.add_flag("--json", arguments.json, "Print the findings as JSON");
  command.footer("Checks:\n" + list_of_checks() +
                 "\n\nExamples:\n"
                 "  sluice plugin check build/plugins/hello.so\n"
                 "  sluice plugin check build/mine.so --config test.toml --run-handlers --seed 7 --json\n"
                 "  sluice plugin check build/mine.so --run-handlers --only fuzz:my.type --jobs 5000\n"
                 "  sluice plugin check build/mine.so --waive 'run path=our image has /opt/vendor/lib'");
  command.callback([&] { code = check(global, arguments); });
}

}  // namespace sluice::cli
