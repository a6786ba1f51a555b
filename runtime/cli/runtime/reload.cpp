// sluice reload: tells the runtimes on this host to load new and changed plugins, at once or as canaries.
#include <iostream>
#include <list>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/host_name.hpp"
#include "cli/command.hpp"
#include "cli/jobs/jobs.hpp"
#include "cli/runtime/reload_round.hpp"
#include "cli/text/table.hpp"
#include "dashboard/reloads.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::cli {

namespace {

struct ReloadOptions {
  bool wait = false;
  ReloadWords words;
};

std::string name_of(const store::RuntimeReport& runtime) {
  return "runtime " + std::to_string(runtime.id) + " (process " + std::to_string(runtime.info.pid) + ")";
}

void print_excuse(const store::RuntimeReport& runtime, const std::string& trouble) {
  std::cerr << "runtime " << runtime.id << " " << trouble << "\n";
}

/// False if anything failed or was refused.
bool print_outcome(const Asked& one, const dashboard::ReloadResult& result) {
  if (!result.problem.empty()) {
    std::cout << name_of(one.runtime) << " was not changed: " << base::harmless(result.problem) << "\n";
    return false;
  }
  if (result.changes.empty()) {
    std::cout << name_of(one.runtime) << ": nothing has changed\n";
    return true;
  }
  std::vector<std::vector<std::string>> rows{{"PLUGIN", "VERSION", "GENERATION", "WHAT", "FILE"}};
  std::string refusals;
  for (const dashboard::ReloadChange& change : result.changes) {
    rows.push_back(
        {change.plugin, change.version, std::to_string(change.generation), change.change, change.file});
    if (change.reason.empty()) continue;
    refusals +=
        "  " + base::harmless(change.reason) +
        (change.generation > 0 ? "; generation " + std::to_string(change.generation) + " continues" : "") +
        "\n";
  }
  std::cout << name_of(one.runtime) << ":\n" << table(rows, {2});
  if (!refusals.empty()) std::cout << "refused:\n" << refusals;
  return refusals.empty();
}

/// For sluice.audit.
void record(const config::Config& config, const ReloadOptions& options, const std::list<Asked>& runtimes) {
  using What = dashboard::ReloadWish::What;
  const ReloadWords& words = options.words;
  const What what = words.promote          ? What::promote
                    : words.abort          ? What::abort
                    : words.rollback       ? What::rollback
                    : words.canary.empty() ? What::reload
                                           : What::canary;
  if (!runtimes.empty())
    dashboard::record_reload(*open_jobs(config), {what, words.canary, words.longest}, ids_of(runtimes));
}

bool wait_for(const config::Config& config, const ReloadOptions& options, postgres::ReloadDesk& desk,
              std::list<Asked>& runtimes, const std::optional<fleet::ReloadRequest>& request) {
  const bool begins = request && request->what == fleet::ReloadRequest::What::canary;
  const auto patience = begins ? patience_of(config) + request->plan.longest : patience_of(config);
  bool good = true;
  const Round round{request, patience, true, [&] { record(config, options, runtimes); }};
  const bool all_asked = ask_and_wait(desk, runtimes, round, print_excuse,
                                      [&](const Asked& one, const dashboard::ReloadResult& result) {
                                        good = print_outcome(one, result) && good;
                                      });
  for (const Asked& one : runtimes) {
    if (one.answered) continue;
    good = false;
    std::cerr << name_of(one.runtime) << " was asked to reload, but did not report a result within "
              << base::format_duration(patience) << "; see its log and `sluice status`\n";
  }
  return all_asked && good;
}

std::unique_ptr<postgres::ReloadDesk> open_desk(const config::Config& config) {
  open_store(config)->desk()->check_schema();  // throws if the configuration or the database is not right
  return postgres::open_reload_desk(store_options(config));
}

int reload(const GlobalOptions& global, const ReloadOptions& options) {
  const auto request = request_of(options.words);
  const config::Config config = global.resolve();
  const auto desk = open_desk(config);
  if (options.wait && !desk->hears())
    throw base::UsageError(
        "--wait needs a connection that can listen, but this one has pgbouncer=true; set database.direct_url "
        "or DIRECT_URL");
  std::list<Asked> runtimes = find_runtimes(*desk, print_excuse);
  if (runtimes.empty()) {
    std::cerr << "no runtime of " << config.table << " in " << postgres::describe(config.database_url)
              << " is alive on this host (" << base::host_name()
              << "); start one with `sluice run`, or run `sluice reload` on the host of a runtime\n";
    return ExitCode::failed;
  }
  if (options.wait)
    return wait_for(config, options, *desk, runtimes, request) ? ExitCode::ok : ExitCode::failed;
  const bool all = ask(runtimes, request, print_excuse);
  record(config, options, runtimes);
  for (const Asked& one : runtimes) std::cout << "asked " << name_of(one.runtime) << " to reload\n";
  std::cout << "the log and `sluice status` show the result; `sluice reload --wait` waits for it\n";
  return all ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_reload(const Command& program, GlobalOptions& global, int& code) {
  const Command command =
      program.add_subcommand("reload", "Tell this host's runtimes to load new and changed plugins");
  add_database_options(command, global);
  static ReloadOptions options;
  command.add_flag("--wait", options.wait, "Wait for the result, and show it plugin by plugin");
  command
      .add_option("--canary", options.words.canary,
                  "Give new versions only this share of the jobs, such as 5%, and compare them with the "
                  "present ones before they take over")
      .takes("SHARE");
  command.add_option("--for", options.words.longest, "How long a canary is compared [10m]").takes("TIME");
  command.add_option("--min-jobs", options.words.least_jobs, "A canary that ran fewer jobs goes back [100]")
      .between(0, static_cast<int>(fleet::most_least_jobs));
  command.add_flag("--promote", options.words.promote, "Have a canary, or what went back, take over now");
  command.add_flag("--abort", options.words.abort, "Have a canary go back now");
  command.add_flag("--rollback", options.words.rollback,
                   "Go back to the versions that the last reload replaced, whatever their files are now");
  add_examples(command,
               "  sluice reload\n  sluice reload --canary 5% --for 30m --wait\n  mv mail.so.new mail.so && "
               "sluice reload --wait   # in the plugin directory");
  command.callback([&] { code = reload(global, options); });
}

}  // namespace sluice::cli
