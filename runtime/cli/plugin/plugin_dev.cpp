// sluice plugin dev: builds a project and serves its plugins, and does both again whenever a file is saved.
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/duration.hpp"
#include "base/shell_word.hpp"
#include "base/threads.hpp"
#include "cli/command.hpp"
#include "cli/plugin/dev_database.hpp"
#include "cli/plugin/dev_state.hpp"
#include "cli/plugin/dev_waiter.hpp"
#include "cli/plugin/inspection.hpp"
#include "fleet/spawn.hpp"
#include "postgres/link/connection_string.hpp"
#include "store/store.hpp"
#include "workshop/payload_generator.hpp"
#include "workshop/plugin_project.hpp"
#include "workshop/plugin_shelf.hpp"
#include "workshop/process.hpp"
#include "workshop/source_watch.hpp"
#include "workshop/toolchain.hpp"

namespace sluice::cli {

namespace {

namespace fs = std::filesystem;
using Clock = base::Clock;
using workshop::Launch;

struct DevOptions {
  std::string project;
  std::string build_folder;
  std::string config_file;
  std::string database_url;
  std::string http_listen;
  std::string log_level = "debug";
};

/// The table in our own PostgreSQL server, whatever the configuration says.
constexpr const char* table = "public.Outbox";
constexpr const char* waits = "; waiting for the next change";

constexpr std::uintmax_t room_of_a_build = 1U << 20;

/// JSON on one line.
std::string one_line(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseFullPrecisionFlag | rapidjson::kParseIterativeFlag>(json.data(),
                                                                                      json.size());
  if (document.HasParseError()) return json;
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  document.Accept(writer);
  return text.GetString();
}

std::string sample_payload(const job::TypeSpec& type) {
  if (!type.payload_example.empty()) return one_line(type.payload_example);
  if (type.payload_schema.empty()) return "{}";
  return workshop::PayloadGenerator(type.payload_schema, "", 1).valid();
}

/// What a person types to run this program.
std::string own_name() {
  const fs::path own = workshop::own_program();
  const fs::path found = workshop::find_program("sluice");
  std::error_code error;
  return !found.empty() && fs::equivalent(own, found, error) ? "sluice" : base::shell_word(own.string());
}

/// What the runtime was last told to read.
struct Served {
  fs::path config;
  fs::file_time_type config_written;
};

class Workbench {
 public:
  explicit Workbench(const DevOptions& options)
      : options_(options),
        project_(workshop::PluginProject::open(
            resolved(options.project), options.build_folder.empty() ? "" : resolved(options.build_folder))),
        state_(checked(project_->folder()) / "sluice-dev"),
        watch_(project_->directory(), project_->folder()) {}

  int run() {
    try {
      open_database();
      for (std::set<std::string> changed;; changed = next_change()) work(changed);
    } catch (const Interrupted&) {
      say("stopping");
      end();
      return ExitCode::ok;
    } catch (...) {
      end();
      throw;
    }
  }

 private:
  static fs::path resolved(const std::string& path) {
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(path, error);
    return error ? fs::absolute(path) : whole.has_filename() ? whole : whole.parent_path();
  }

  const fs::path& checked(const fs::path& folder) const {
    if (folder == project_->directory())
      throw base::UsageError(
          "--build-dir is the project folder itself, whose files are watched; name a folder inside it");
    return folder;
  }

  void open_database() {
    if (!options_.database_url.empty()) {
      database_ = options_.database_url;
      return say("using " + postgres::describe(database_) + "; `sluice init` creates what is missing there");
    }
    postgres_.emplace(waiter_, state_);
    database_ = postgres_->url();
    say("using a private PostgreSQL server in " + postgres_->place() +
        "; its data are kept for the next time" +
        (std::getenv("DATABASE_URL") != nullptr
             ? "; DATABASE_URL is ignored, --database-url names another database"
             : ""));
    postgres_->start();
    const fs::path log = state_.path("init.log");
    Launch init = sluice({"init"}, no_config());
    const base::Descriptor words = open_log(log);
    init.out = init.err = words.get();
    if (waiter_.finish(init) != 0)
      throw std::runtime_error("creating the outbox in " + database_ + " failed" + reason_in(log));
  }

  /// Our environment for a sluice command, without the variables that name another database or configuration.
  std::vector<std::string> environment_of_sluice() const {
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment()) {
      const bool names_database = name.find("DATABASE_URL") != std::string::npos ||
                                  name.find("DIRECT_URL") != std::string::npos ||
                                  name.starts_with("SLUICE_DATABASE");
      const bool connects = name.starts_with("PG") && postgres_;
      const bool other = name == "SLUICE_CONFIG" || (name == "SLUICE_TABLE" && postgres_) ||
                         name == "SLUICE_HTTP_LISTEN" || name == "NOTIFY_SOCKET" ||
                         name.starts_with("WATCHDOG_");
      if (!names_database && !connects && !other) variables.push_back(name + "=" + value);
    }
    variables.push_back("DATABASE_URL=" + database_);
    variables.push_back("DIRECT_URL=" + database_);  // over one in the configuration file
    if (postgres_) variables.push_back(std::string("SLUICE_TABLE=") + table);
    return variables;
  }

  /// A file that sets nothing. With it, sluice does not look for a configuration elsewhere.
  fs::path no_config() const {
    fs::path none = state_.path("sluice.toml");
    if (!fs::exists(none))
      std::ofstream(none) << "# Empty on purpose. Put your sluice.toml into the project's folder.\n";
    return none;
  }

  /// The file that configures the plugins: the one given, else the project's, else an empty one.
  fs::path config() const {
    if (!options_.config_file.empty()) return fs::absolute(options_.config_file);
    fs::path own = project_->directory() / "sluice.toml";
    return fs::exists(own) ? own : no_config();
  }

  Launch sluice(std::vector<std::string> words, const fs::path& config) const {
    Launch launch;
    words.insert(words.begin(), workshop::own_program().string());
    words.insert(words.end(), {"--config", config.string(), "--log-format", "human"});
    launch.words = std::move(words);
    launch.directory = project_->directory().string();  // the base of relative paths in the configuration
    launch.environment = environment_of_sluice();
    return launch;
  }

  void work(const std::set<std::string>& changed) {
    if (postgres_) postgres_->start();
    try {
      if (build(changed)) serve();
    } catch (const std::runtime_error& error) {
      say(error.what() + lack_of_room(project_->folder(), room_of_a_build) + waits);
    }
  }

  bool build(const std::set<std::string>& changed) {
    const auto begun = Clock::now();
    const workshop::Built built =
        project_->build([this](const Launch& launch) { return waiter_.finish(launch); }, changed);
    if (!built.good) {
      say((built.problem.empty() ? "the build failed" : "the build failed: " + built.problem) +
          lack_of_room(project_->folder(), room_of_a_build) +
          (runtime_ ? "; the previous plugin keeps running" : "") + waits);
      return false;
    }
    const bool reload_was_due = std::exchange(reload_due_, true);  // in case only some can be put in place
    reload_due_ = workshop::put_on_shelf(built.libraries, state_.plugins()) || reload_was_due;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
    say("built in " + base::format_duration(took));
    return true;
  }

  void serve() {
    const Served wanted{config(), fs::last_write_time(config())};
    notice_end();
    if (runtime_ && wanted.config != served_.config && stop_runtime()) throw Interrupted();
    if (reload_due_ || !runtime_) show_commands(wanted.config);
    if (!runtime_) {
      start_runtime(wanted.config);
    } else if (reload_due_ || wanted.config_written != served_.config_written) {
      runtime_->signal(SIGHUP);
    } else {
      say("the plugins have not changed");
    }
    served_ = wanted;
    reload_due_ = false;
  }

  void start_runtime(const fs::path& config) {
    Launch launch = sluice({"run", "--plugins", state_.plugins().string(), "--log-level", options_.log_level,
                            "--wait-for-database"},
                           config);
    if (!options_.http_listen.empty())
      launch.words.insert(launch.words.end(), {"--listen", options_.http_listen});
    launch.death_signal = SIGTERM;
    launch.ignored_signal = SIGHUP;  // one that comes before the runtime looks for plugins is not needed
    runtime_.emplace(launch);
  }

  /// The options to type for enqueueing, after type and payload. A password is not shown.
  std::string database_words(const config::Config& config) const {
    if (postgres_)
      return " --database-url " + base::shell_word(database_) +
             (config.table == table ? "" : std::string(" --table ") + table);
    return postgres::parse_connection_string(database_).has_password
               ? " --database-url URL"
               : " --database-url " + base::shell_word(database_);
  }

  /// Prints how to enqueue a job of each type, unless that is already on the screen.
  void show_commands(const fs::path& config_now) {
    config::Config config;
    config::read_config(config_now.string(), config);
    std::vector<std::string> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(state_.plugins()))
      files.push_back(entry.path().string());
    log::configure(log::Level::off, log::Format::human);  // the runtime reports what is wrong with them
    const Inspection inspection(config, files);
    std::string lines;
    for (const fleet::Plugin& plugin : inspection.plugins()) {
      for (const job::TypeSpec& type : plugin.spec.types) {
        lines += "\n  " + own_name() + " enqueue " + base::shell_word(type.name) + " " +
                 base::shell_word(sample_payload(type)) + database_words(config);
      }
    }
    if (lines.empty() || lines == shown_) return;
    shown_ = lines;
    say("to enqueue a job, type in another terminal:" + lines);
  }

  /// Waits until files have been saved, and then until none is saved for a moment.
  std::set<std::string> next_change() {
    constexpr int moment = 100;                     // milliseconds
    std::set<std::string> changed = watch_.take();  // since the build began
    std::erase_if(changed, [this](const std::string& file) { return project_->writes(file); });
    while (changed.empty()) {
      waiter_.wait({watch_.fd(), runtime_ ? runtime_->fd() : -1, postgres_ ? postgres_->fd() : -1});
      notice_end();
      changed = watch_.take();
    }
    for (std::set<std::string> more = changed; !more.empty(); more = watch_.take()) {
      changed.insert(more.begin(), more.end());
      waiter_.wait({watch_.fd()}, moment);
    }
    say_changed(changed);
    return changed;
  }

  /// Leaves out files that no longer exist, such as the temporary files of tools, unless there are no others.
  void say_changed(const std::set<std::string>& changed) const {
    std::vector<std::string> there;
    std::copy_if(changed.begin(), changed.end(), std::back_inserter(there),
                 [&](const std::string& file) { return fs::exists(project_->directory() / file); });
    if (there.empty()) there.assign(changed.begin(), changed.end());
    say(there.front() + (there.size() > 1 ? " and " + std::to_string(there.size() - 1) + " more" : "") +
        " changed");
  }

  void notice_end() {
    if (postgres_) postgres_->notice_end();
    const std::optional<int> status = runtime_ ? runtime_->ended() : std::nullopt;
    if (!status) return;
    say("the runtime " + fleet::describe_exit(*status) + "; it will be restarted at the next change");
    runtime_.reset();
  }

  /// Stops the runtime, which lets started jobs finish. Each Ctrl-C is passed on to shorten that. True if
  /// there was one.
  bool stop_runtime() {
    bool interrupted = false;
    if (runtime_) runtime_->signal(SIGTERM);
    while (runtime_ && !runtime_->ended()) {
      try {
        waiter_.wait({runtime_->fd()});
      } catch (const Interrupted&) {
        interrupted = true;
        runtime_->signal(SIGTERM);
      }
    }
    runtime_.reset();
    return interrupted;
  }

  /// Ends the database last, because the runtime writes the outcomes of its jobs.
  void end() {
    stop_runtime();
    postgres_.reset();
  }

  const DevOptions& options_;
  DevWaiter waiter_;
  const std::unique_ptr<workshop::PluginProject> project_;
  const DevState state_;
  workshop::SourceWatch watch_;
  std::string database_;
  std::optional<DevDatabase> postgres_;  ///< if no database is given
  std::optional<workshop::Process> runtime_;
  Served served_;
  bool reload_due_ = false;  ///< there are new plugins that the runtime has not been told to load
  std::string shown_;        ///< the commands that were shown last
};

int dev(const DevOptions& options) {
  if (!config::parse_log_level(options.log_level))
    throw base::UsageError("--log-level must be trace, debug, info, warn, error or off, found '" +
                           options.log_level + "'");
  if (!options.database_url.empty()) {
    try {
      postgres::parse_connection_string(options.database_url);
    } catch (const store::Refused& error) {
      throw base::UsageError(error.what());
    }
  }
  if (!options.config_file.empty()) {
    config::Config config;
    config::read_config(options.config_file, config);
  }
  return Workbench(options).run();
}

}  // namespace

void add_plugin_dev(const Command& plugin, int& code) {
  static DevOptions options;
  const Command command =
      plugin.add_subcommand("dev", "Build a project and serve its plugins, again whenever a file is saved");
  command.add_option("DIR", options.project, "The project, as `sluice plugin new` creates it").required();
  command.add_option("--build-dir", options.build_folder, "The build folder [DIR/build, for Rust DIR/target]")
      .takes("DIR");
  command
      .add_option(
          "--database-url", options.database_url,
          "Serve the outbox in this database; without it, in a private PostgreSQL server. DATABASE_URL is "
          "ignored")
      .takes("URL");
  command.add_option("--config", options.config_file, "Configuration file [DIR/sluice.toml]").takes("FILE");
  command.add_option("--listen", options.http_listen, "Serve /livez, /readyz and /metrics on this address")
      .takes("HOST:PORT");
  command
      .add_option("--log-level", options.log_level,
                  "Least severe level that the runtime logs; debug logs the end of each job [debug]")
      .takes("trace|debug|info|warn|error|off");
  add_examples(command,
               "  sluice plugin new greeter --type greeting.send && sluice plugin dev greeter\n"
               "  sluice plugin dev . --log-level info --listen 127.0.0.1:9640\n"
               "  sluice plugin dev ~/src/mine --database-url postgresql:///mine_dev");
  command.callback([&] { code = dev(options); });
}

}  // namespace sluice::cli
