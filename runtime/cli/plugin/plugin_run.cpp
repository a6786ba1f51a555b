// sluice plugin run: runs one job in a plugin, without a runtime and without a database.
#include "cli/plugin/plugin_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/shell_word.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"
#include "cli/command.hpp"
#include "cli/plugin/repro.hpp"
#include "cli/text/interrupts.hpp"
#include "cli/text/payload.hpp"
#include "config/host_users.hpp"
#include "config/job_settings.hpp"
#include "config/secret_grants.hpp"
#include "fleet/spawn.hpp"
#include "fleet/tickets.hpp"
#include "host/build_id.hpp"
#include "host/schema.hpp"
#include "workshop/file_digest.hpp"
#include "workshop/rehearsal.hpp"

namespace sluice::cli {

namespace {

using Clock = base::Clock;

struct RunOptions {
  std::string file;
  std::string type;
  std::string payload = "{}";
  std::string cancel_after;
  std::string id;
  std::string config_file;
  std::string repro;   ///< a file of `sluice jobs repro`, instead of FILE, TYPE and PAYLOAD
  std::string plugin;  ///< with a repro: another file than the one that it names
  std::vector<std::string> sets;
  std::optional<double> created_at;  ///< seconds since 1970
  int attempt = 1;
  int repeat = 1;
  bool in_process = false;
  bool json = false;
};

/// Passes on the plugin's output as it arrives, and keeps it for the report.
class Narrator : public workshop::Witness {
 public:
  explicit Narrator(bool aloud) : aloud_(aloud) {}

  Performed performed;

 private:
  void logged(const wire::LogLine& line) override {
    performed.log.push_back(line);
    if (!aloud_) return;
    std::vector<log::Field> fields;
    for (const auto& field : line.fields) {
      fields.push_back(field.json ? log::Field::of_json(field.key, field.value)
                                  : log::Field(field.key, field.value));
    }
    log::write(static_cast<log::Level>(std::clamp(line.level, 0, 4)), line.message, fields);
  }
  void progressed(const wire::Progress& progress) override {
    performed.progress.push_back(progress);
    if (!aloud_) return;
    std::vector<log::Field> fields{{"percent", static_cast<int>(progress.fraction * 100)}};
    if (!progress.note.empty()) fields.emplace_back("note", progress.note);
    log::info("progress", fields);
  }
  void printed(const char* stream, const std::string& line) override {
    performed.printed.push_back(line);
    if (aloud_) log::info(line, {{"stream", stream}});
  }

  const bool aloud_;
};

class PluginRun {
 public:
  PluginRun(const config::Config& config, const RunOptions& options)
      : config_(config),
        options_(options),
        payload_(read_payload(options.payload)),
        cancel_after_(parsed(options.cancel_after)),
        file_(std::filesystem::absolute(options.file).string()),
        narrator_(!options.json),
        plugin_({file_,
                 options.in_process,
                 1,
                 level_of(config.log_level),
                 interrupts_.fd(),
                 {},
                 config::trust_of(config),
                 [&config](const std::string& plugin) { return config::secrets_of(plugin, config); },
                 options.in_process ? std::nullopt : config::first_user(config)},
                narrator_) {}

  int run() {
    if (const auto refusal = prepare()) {
      plugin_.stop(config_.cancel_grace);
      std::cerr << "sluice: refused: " << file_ << ": " << base::harmless(*refusal) << "\n";
      if (unconfigured_)
        std::cerr << "The plugin was started without a configuration. Add [plugin." << report_.plugin
                  << ".config] to ./sluice.toml, or name a file that contains it with --config\n";
      return ExitCode::failed;
    }
    for (int i = 0; i < options_.repeat && !over_; ++i) take(perform(i));
    if (plugin_.alive()) {
      if (const auto problem = plugin_.stop(config_.drain_timeout))
        std::cerr << "sluice: " << file_ << ": " << base::harmless(*problem) << "\n";
    }
    if (options_.json) {
      print_run_json(report_);
    } else {
      print_run(report_);
    }
    return report_.all_done() ? ExitCode::ok : ExitCode::failed;
  }

 private:
  static std::optional<std::chrono::microseconds> parsed(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto duration = base::parse_duration(text);
    if (!duration) {
      throw base::UsageError("--cancel-after: invalid duration '" + text +
                             "', expected for example 500ms, 1s or 1m30s");
    }
    return duration;
  }
  static int level_of(log::Level level) { return std::min(static_cast<int>(level), 4); }

  std::optional<std::string> load() {
    if (auto refusal = plugin_.load(config_.start_timeout)) return refusal;
    const job::Sandbox sandbox = config::sandbox_of(plugin_.spec(), config_);
    const std::string& name = plugin_.spec().name;
    const auto user = config::user_of(name, config_);
    const auto set = config_.plugins.find(name);
    const job::HostLimits limits =
        user && set != config_.plugins.end() ? set->second.limits : job::HostLimits{};
    const bool has_rights = !sandbox.on && user == config::first_user(config_) && limits == job::HostLimits{};
    return has_rights ? std::nullopt : plugin_.load_again(sandbox, user, limits, config_.start_timeout);
  }

  /// Loads and starts the plugin: nullopt, or why that failed.
  std::optional<std::string> prepare() {
    if (auto refusal = load()) return refusal;
    const job::PluginSpec& spec = plugin_.spec();
    find_type(spec);
    report_.plugin = spec.name;
    report_.version = spec.version;
    report_.policy = config::policy_of(spec.types[type_index_], config_);
    std::string config = "{}";
    if (const auto set = config_.plugins.find(spec.name); set != config_.plugins.end()) {
      config = set->second.config;
      report_.role_granted = !set->second.role.empty();
      if (auto refusal = plugin_.limit(set->second.limits)) return refusal;
    }
    report_.debugger = debugger();
    unconfigured_ = config == "{}";
    return plugin_.start(config, config_.start_timeout, config::strictness_of(spec, config_));
  }

  std::string debugger() const {
    const std::string config =
        options_.config_file.empty() ? "" : " --config " + base::shell_word(options_.config_file);
    if (!options_.repro.empty()) {
      return "gdb --args sluice plugin run --repro " + base::shell_word(options_.repro) +
             (options_.plugin.empty() ? "" : " --plugin " + base::shell_word(options_.plugin)) + config +
             (options_.sets.empty() ? "" : " --set …") + " --in-process";
    }
    const std::string payload = options_.payload == "-" ? payload_ : options_.payload;
    return "gdb --args sluice plugin run " + base::shell_word(options_.file) + " " +
           base::shell_word(options_.type) + " " + base::shell_word(payload) + config + " --in-process";
  }

  void find_type(const job::PluginSpec& spec) {
    const auto found = std::find_if(spec.types.begin(), spec.types.end(),
                                    [&](const auto& type) { return type.name == options_.type; });
    if (found != spec.types.end()) {
      type_index_ = static_cast<std::size_t>(found - spec.types.begin());
      return;
    }
    std::string known;
    for (const job::TypeSpec& type : spec.types) known += (known.empty() ? "" : ", ") + type.name;
    plugin_.stop(config_.cancel_grace);
    throw base::UsageError(file_ + " does not handle '" + options_.type + "'; it handles " + known);
  }

  Performed perform(int number) {
    job::Job job;
    job.id = options_.id.empty() ? "plugin-run-" + std::to_string(number + 1) : options_.id;
    job.type = options_.type;
    job.payload = payload_;
    job.attempt = options_.attempt;
    job.max_attempts = report_.policy.max_attempts;
    job.created_at = options_.created_at.value_or(
        std::chrono::duration<double>(base::WallClock::now().time_since_epoch()).count());
    narrator_.performed = {};
    job::Outcome outcome = await(plugin_.send(job, type_index_));
    Performed performed = std::move(narrator_.performed);
    performed.job = std::move(job);
    performed.outcome = std::move(outcome);
    performed.asked_to_stop = asked_;
    return performed;
  }

  /// Waits for the job, for Ctrl-C, and for the time to ask the job to stop.
  job::Outcome await(std::uint32_t ticket) {
    constexpr std::chrono::milliseconds while_not_started{1};
    constexpr std::chrono::hours for_ever{24};
    std::optional<Clock::time_point> due;  // to ask, then to kill
    for (;;) {
      if (!due && cancel_after_ && plugin_.started(ticket)) due = Clock::now() + *cancel_after_;
      workshop::Limit limit = cancel_after_ && !due ? workshop::Limit(while_not_started) : for_ever;
      if (due) limit = std::chrono::ceil<workshop::Limit>(std::max(Clock::duration(0), *due - Clock::now()));
      if (auto returned = plugin_.next(limit)) return std::move(returned->outcome);
      if (!plugin_.alive()) return crashed("");
      const bool time_is_up = due && Clock::now() >= *due;
      const int interrupts = interrupts_.take();
      if (!time_is_up && interrupts == 0) continue;
      if (asked_) return end_now(time_is_up);
      ask(ticket, interrupts > 0);
      due = options_.in_process ? std::nullopt : std::optional(Clock::now() + config_.cancel_grace);
    }
  }

  void ask(std::uint32_t ticket, bool by_hand) {
    asked_ = true;
    over_ = true;
    plugin_.cancel(ticket);
    if (by_hand) std::cerr << "asked the handler to stop; press Ctrl-C again to end it at once\n";
  }

  job::Outcome end_now(bool time_is_up) {
    if (options_.in_process) {
      std::cerr << "sluice: exiting without waiting for the handler, because it runs in this process\n";
      std::cout.flush();
      _exit(ExitCode::failed);
    }
    plugin_.kill();
    return crashed(time_is_up ? ", because it did not stop within " +
                                    base::format_duration(config_.cancel_grace) + " after it was asked to"
                              : ", because of your second Ctrl-C");
  }

  job::Outcome crashed(const std::string& why) {
    over_ = true;
    job::Outcome outcome;
    outcome.result = job::Result::crashed;
    outcome.code = fleet::crash_code;
    outcome.error = "the plugin host " + plugin_.ending() + " while this job ran" + why;
    return outcome;
  }

  /// A host's refusal quotes nothing of a payload. Here the payload is the caller's own.
  void quote_payload(job::Outcome& outcome) const {
    if (outcome.code != "bad-payload") return;
    const auto verdict = host::Schema(plugin_.spec().types[type_index_].payload_schema).check(payload_);
    if (verdict.problem) outcome.error = *verdict.problem;
  }

  void take(Performed performed) {
    quote_payload(performed.outcome);
    const bool done = performed.outcome.result == job::Result::done;
    ++report_.outcomes[std::string(job::name(performed.outcome.result))];
    if (performed.outcome.result != job::Result::crashed) report_.times.push_back(performed.outcome.duration);
    if (!failed_) report_.shown = std::move(performed);
    failed_ = failed_ || !done;
  }

  const config::Config& config_;
  const RunOptions& options_;
  const std::string payload_;
  const std::optional<std::chrono::microseconds> cancel_after_;
  const std::string file_;
  Interrupts interrupts_;
  Narrator narrator_;
  workshop::Rehearsal plugin_;
  std::size_t type_index_ = 0;
  RunReport report_;
  bool unconfigured_ = false;  // started without a configuration
  bool asked_ = false;         // to stop
  bool over_ = false;          // no more jobs
  bool failed_ = false;        // a job was not done
};

void warn(const std::string& words) {
  std::cerr << "warning: " << base::harmless(words) << "\n";
}

/// Warns if the file is not the one that ran the job, as far as that is known.
void compare(const ReproPlugin& plugin, const std::string& file) {
  const std::string digest = workshop::sha256_of(file);
  if (digest.empty()) return;  // the plugin will be refused
  const std::string build_id = host::build_id_of(file);
  const bool same_build = plugin.build_id.empty() || build_id == plugin.build_id;
  if (!plugin.sha256.empty() && digest != plugin.sha256) {
    warn(file +
         " is not the file that the repro was written with, so the job may end otherwise: its SHA-256 digest "
         "is " +
         digest + ", that of the repro is " + plugin.sha256 +
         (same_build && !build_id.empty() ? "; both have the build id " + build_id : ""));
  } else if (!same_build) {
    warn(file + " is not the build that ran the job, so the job may end otherwise: its build id is " +
         build_id + ", the job ran in " + plugin.build_id);
  }
}

void name_missing(const Repro& repro) {
  if (repro.left_out.empty()) return;
  std::vector<std::string> keys;
  for (const std::string& pointer : repro.left_out) keys.push_back(dotted(pointer));
  warn("the repro leaves out these secrets of the plugin's configuration: " + base::joined(keys) +
       ". Give them with --set " + keys.front() +
       "=VALUE, or with --config and a file that has them in [plugin." + repro.plugin.name + ".config]");
}

/// Fills in what the repro says, as if it had been given by options and a configuration.
void apply(Repro repro, RunOptions& options, config::Config& config) {
  options.file = options.plugin.empty() ? repro.plugin.file : options.plugin;
  if (options.file.empty())
    throw base::UsageError(options.repro + ": does not name the plugin's file; give it with --plugin FILE");
  compare(repro.plugin, options.file);
  options.type = repro.type;
  options.payload = repro.payload;
  options.id = repro.id;
  options.attempt = repro.attempt;
  options.created_at = seconds_since_epoch(repro.created_at);
  if (options.cancel_after.empty() && !options.in_process && repro.timeout.count() > 0)
    options.cancel_after = base::write_duration(repro.timeout);
  config::PluginSettings& settings = config.plugins[repro.plugin.name];
  complete(repro, settings.config, options.sets);
  name_missing(repro);
  settings.config = repro.config;
  settings.limits = repro.limits;
  config.types[repro.type].max_attempts = repro.max_attempts;
}

void check_arguments(const RunOptions& options) {
  const bool named = !options.file.empty() || !options.type.empty();
  if (options.repro.empty() && (options.file.empty() || options.type.empty()))
    throw base::UsageError(
        "give the plugin's FILE and a job TYPE, or a file of sluice jobs repro with --repro");
  if (!options.repro.empty() && named)
    throw base::UsageError(
        "--repro names the plugin's file, the type and the payload itself, so give none; --plugin replaces "
        "the file");
  if (options.repro.empty() && !(options.plugin.empty() && options.sets.empty()))
    throw base::UsageError("--plugin and --set need --repro");
}

int run(const GlobalOptions& global, RunOptions options) {
  check_arguments(options);
  config::Config config = global.resolve();
  options.config_file = global.config_file;
  if (!options.repro.empty()) apply(read_repro(options.repro), options, config);
  if (options.json) log::configure(log::Level::off, config.log_format);
  fleet::withhold(config::secret_variables(config));
  return PluginRun(config, options).run();
}

}  // namespace

void add_plugin_run(const Command& plugin, GlobalOptions& global, int& code) {
  const Command command =
      plugin.add_subcommand("run", "Run one job in a plugin, for real but without a database");
  add_log_options(command, global);
  static RunOptions options;
  command.add_option("FILE", options.file, "The plugin's .so file");
  command.add_option("TYPE", options.type, "One of its job types");
  command.add_option("PAYLOAD", options.payload, "JSON, @FILE, or - for standard input [{}]");
  command
      .add_option("--repro", options.repro, "Instead of FILE, TYPE and PAYLOAD: a file of sluice jobs repro")
      .takes("FILE");
  command
      .add_option("--plugin", options.plugin,
                  "With --repro: the plugin's .so file, instead of the one that it names")
      .takes("FILE");
  command
      .add_option("--set", options.sets,
                  "With --repro: KEY=VALUE of the plugin's configuration, such as a left out secret")
      .take_all()
      .takes("KEY=VALUE");
  command.add_option("--attempt", options.attempt, "The number of the attempt at the job [1]").positive();
  command.add_option("--id", options.id, "The job's id and idempotency key [plugin-run-1]");
  command.add_option("--repeat", options.repeat, "Run this number of jobs, one after the other [1]")
      .positive();
  command.add_option("--cancel-after", options.cancel_after,
                     "Ask the handler to stop after this time: 500ms, 1s. Kill it cancel_grace later");
  command.add_flag("--in-process", options.in_process,
                   "Run the job in this process instead of a plugin host, for gdb and valgrind");
  command.add_flag("--json", options.json, "Print everything as JSON, including the log lines");
  add_examples(command,
               "  sluice plugin run build/plugins/hello.so hello.greet '{\"name\":\"Ada\"}'\n"
               "  sluice plugin run build/mine.so my.type @payload.json --config dev.toml --attempt 2\n"
               "  sluice plugin run build/mine.so my.type '{}' --repeat 1000 --log-level warn\n"
               "  sluice plugin run --repro job.json\n"
               "  gdb --args sluice plugin run --repro job.json --in-process\n"
               "  gdb --args sluice plugin run build/mine.so my.type '{}' --in-process");
  command.callback([&] { code = run(global, options); });
}

}  // namespace sluice::cli
