// sluice status: the jobs in the outbox, which plugin they wait for, what runs, and which runtimes are alive.
#include "cli/status/status.hpp"

#include <iostream>

#include "base/duration.hpp"
#include "cli/command.hpp"
#include "cli/jobs/jobs.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::cli {

namespace {

constexpr std::size_t shown_failures = 5;
constexpr std::chrono::hours kept_outcomes{48};
constexpr std::chrono::milliseconds least_interval{100};

struct Arguments {
  std::string since;
  std::string interval = "2s";
  bool exact = false;
  bool json = false;
  bool watch = false;
};

StatusOptions options_of(const Arguments& arguments) {
  StatusOptions options;
  options.exact = arguments.exact;
  options.json = arguments.json;
  if (arguments.since.empty()) return options;
  options.since = std::chrono::ceil<std::chrono::seconds>(duration_option("--since", arguments.since));
  if (options.since->count() == 0)
    throw base::UsageError("--since: the time must be over 0, expected for example 10m, 1h or 2d");
  if (*options.since > kept_outcomes) {
    std::cerr << "outcomes are kept for two days; older ones are not shown\n";
  }
  return options;
}

std::chrono::milliseconds interval_of(const Arguments& arguments) {
  const auto interval =
      std::chrono::ceil<std::chrono::milliseconds>(duration_option("--interval", arguments.interval));
  if (interval < least_interval) throw base::UsageError("--interval must be at least 100ms");
  return interval;
}

int status(const GlobalOptions& global, const Arguments& arguments) {
  const config::Config config = global.resolve();
  const StatusOptions options = options_of(arguments);
  const std::chrono::milliseconds interval = interval_of(arguments);
  auto desk = open_store(config)->desk();
  desk->check_schema();
  const std::string title = config.table + " in " + postgres::describe(config.database_url);
  if (arguments.watch) return watch_status(std::move(desk), title, options, interval);
  const Status now = read_status(*desk, title, options);
  if (options.json) {
    std::cout << status_json(now, options) << "\n";
  } else {
    for (const std::string& line : joined(status_blocks(now, options))) std::cout << line << "\n";
  }
  return ExitCode::ok;
}

}  // namespace

Status read_status(store::DeskSession& desk, const std::string& title, const StatusOptions& options) {
  Status status;
  status.title = title;
  if (options.since) {
    status.aggregate = desk.aggregate(*options.since);
  } else {
    status.report = desk.report(options.exact);
    status.failures = desk.recent_failures(shown_failures);
  }
  return status;
}

void add_status(const Command& program, GlobalOptions& global, int& code) {
  const Command command =
      program.add_subcommand("status", "Show jobs by type and status, why they wait, and what runs");
  add_database_options(command, global);
  static Arguments arguments;
  command.add_option("--since", arguments.since,
                     "Only show how many jobs were created and finished within this time: 10m, 1h, 2d, …");
  command.add_flag("--exact", arguments.exact,
                   "Count every job of a large table instead of estimating, which takes seconds");
  command.add_flag("--watch", arguments.watch, "Refresh continuously, until Ctrl-C");
  command.add_option("--interval", arguments.interval, "With --watch: the time between two refreshes [2s]");
  command.add_flag("--json", arguments.json, "Print the status as JSON; with --watch, one object a line");
  add_examples(command,
               "  sluice status\n"
               "  sluice status --watch --interval 1s\n"
               "  sluice status --since 1h\n"
               "  sluice status --json | jq .waiting");
  command.callback([&] { code = status(global, arguments); });
}

}  // namespace sluice::cli
