// sluice reload: tells the runtimes on this host to load new and changed plugins, at once or as canaries.
#include <rapidjson/document.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <list>

#include "base/duration.hpp"
#include "base/harmless.hpp"
#include "base/host_name.hpp"
#include "base/threads.hpp"
#include "cli/command.hpp"
#include "cli/runtime/runtime_process.hpp"
#include "cli/text/table.hpp"
#include "fleet/reload_request.hpp"
#include "postgres/desk/reload_desk.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::cli {

namespace {

struct Asked {
  store::RuntimeReport runtime;
  RuntimeProcess process;
  std::chrono::microseconds asked_at{0};  ///< by the clock of announcements
  bool answered = false;
};

struct ReloadOptions {
  bool wait = false;
  std::string canary;  ///< its share; empty: none
  std::string longest;
  std::int64_t least_jobs = fleet::CanaryPlan{}.least_jobs;
  bool promote = false;
  bool abort = false;
};

std::string name_of(const store::RuntimeReport& runtime) {
  return "runtime " + std::to_string(runtime.id) + " (process " + std::to_string(runtime.info.pid) + ")";
}

/// The runtimes on this host that a signal can reach; for each of the others, prints why not.
std::list<Asked> find_runtimes(postgres::ReloadDesk& desk, const std::string& host) {
  std::list<Asked> found;
  for (const store::RuntimeReport& runtime : desk.runtimes()) {
    if (runtime.info.host != host || runtime.info.command != "run") continue;
    found.push_back({runtime, RuntimeProcess(runtime)});
    if (found.back().process.trouble().empty()) continue;
    std::cerr << "runtime " << runtime.id << " " << found.back().process.trouble() << "\n";
    found.pop_back();
  }
  return found;
}

/// "5%" or "5 %"; throws base::UsageError.
double share_of(const std::string& text) {
  double percent = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, percent);
  const std::string unit(rest, end);
  const double most = fleet::Canary::most_share * 100;
  const bool valid = error == std::errc() && (unit == "%" || unit == " %") && percent >= 0.01;
  if (!valid || percent > most) {
    throw base::UsageError("--canary: invalid share '" + text + "', expected a percentage from 0.01% to " +
                           std::to_string(static_cast<int>(most)) + "%, for example 5%");
  }
  return percent / 100;
}

std::chrono::seconds time_of(const std::string& text) {
  if (text.empty()) return fleet::CanaryPlan{}.longest;
  const auto time = base::parse_duration(text);
  if (!time || *time < std::chrono::seconds(1) || *time > fleet::longest_canary) {
    throw base::UsageError("--for: invalid duration '" + text +
                           "', expected 1s to 11d, in whole seconds, for example 10m");
  }
  return std::chrono::ceil<std::chrono::seconds>(*time);
}

/// Nullopt: a plain reload.
std::optional<fleet::ReloadRequest> request_of(const ReloadOptions& options) {
  using What = fleet::ReloadRequest::What;
  const bool limited = !options.longest.empty() || options.least_jobs != fleet::CanaryPlan{}.least_jobs;
  const int asked = (options.canary.empty() ? 0 : 1) + (options.promote ? 1 : 0) + (options.abort ? 1 : 0);
  if (asked > 1)
    throw base::UsageError("--canary, --promote and --abort exclude each other: give one of them");
  if (limited && options.canary.empty())
    throw base::UsageError("--for and --min-jobs are for a canary: give --canary too");
  if (options.promote) return fleet::ReloadRequest{What::promote, {}};
  if (options.abort) return fleet::ReloadRequest{What::abort, {}};
  if (options.canary.empty()) return std::nullopt;
  return fleet::ReloadRequest{What::canary,
                              {share_of(options.canary), time_of(options.longest), options.least_jobs}};
}

bool send(RuntimeProcess& process, const std::optional<fleet::ReloadRequest>& request) {
  if (!request) return process.send(SIGHUP);
  return process.send(fleet::reload_request_signal(), fleet::packed(*request));
}

/// Sends the signal to all, and removes those where that failed. True if none was removed.
bool ask(std::list<Asked>& runtimes, const std::optional<fleet::ReloadRequest>& request) {
  const std::size_t before = runtimes.size();
  std::erase_if(runtimes, [&](Asked& one) {
    one.asked_at =
        std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now().time_since_epoch());
    if (send(one.process, request)) return false;
    std::cerr << "runtime " << one.runtime.id << " " << one.process.trouble() << "\n";
    return true;
  });
  return runtimes.size() == before;
}

std::string text(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsString() ? member->value.GetString() : "";
}

std::int64_t number(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  return member != object.MemberEnd() && member->value.IsInt64() ? member->value.GetInt64() : 0;
}

/// False if anything failed or was refused.
bool print_outcome(const Asked& one, const rapidjson::Value& outcome) {
  const std::string error = text(outcome, "error");
  if (!error.empty()) {
    std::cout << name_of(one.runtime) << " was not changed: " << base::harmless(error) << "\n";
    return false;
  }
  const auto changes = outcome.FindMember("changes");
  if (changes == outcome.MemberEnd() || !changes->value.IsArray() || changes->value.Empty()) {
    std::cout << name_of(one.runtime) << ": nothing has changed\n";
    return true;
  }
  std::vector<std::vector<std::string>> rows{{"PLUGIN", "VERSION", "GENERATION", "WHAT", "FILE"}};
  std::string refusals;
  for (const auto& change : changes->value.GetArray()) {
    const std::string reason = text(change, "reason");
    const std::int64_t generation = number(change, "generation");
    rows.push_back({text(change, "plugin"), text(change, "version"), std::to_string(generation),
                    text(change, "change"), text(change, "file")});
    if (reason.empty()) continue;
    refusals += "  " + base::harmless(reason) +
                (generation > 0 ? "; generation " + std::to_string(generation) + " continues" : "") + "\n";
  }
  std::cout << name_of(one.runtime) << ":\n" << table(rows, {2});
  if (!refusals.empty()) std::cout << "refused:\n" << refusals;
  return refusals.empty();
}

/// Asks the runtimes to reload, and waits for their results.
bool ask_and_wait(postgres::ReloadDesk& desk, std::list<Asked>& runtimes,
                  const std::optional<fleet::ReloadRequest>& request, std::chrono::microseconds patience) {
  bool good = true;
  const auto all_answered = [&] {
    return std::all_of(runtimes.begin(), runtimes.end(), [](const Asked& one) { return one.answered; });
  };
  const auto take = [&](const std::string& announcement) {
    rapidjson::Document outcome;
    outcome.Parse(announcement.data(), announcement.size());
    if (outcome.HasParseError() || !outcome.IsObject()) return all_answered();
    for (Asked& one : runtimes) {
      const bool its = number(outcome, "runtime") == one.runtime.id && !one.answered &&
                       number(outcome, "began_us") >= one.asked_at.count();
      if (!its) continue;
      const bool decided = number(outcome, "canaries") == 0 || !text(outcome, "error").empty();
      one.answered = decided;  // else more answers follow
      good = print_outcome(one, outcome) && good;
    }
    return all_answered();
  };
  const auto ready = [&] { good = ask(runtimes, request) && good; };
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(patience);
  if (desk.hear(ready, take, limit) || all_answered()) return good;
  for (const Asked& one : runtimes) {
    if (!one.answered)
      std::cerr << name_of(one.runtime) << " was asked to reload, but did not report a result within "
                << base::format_duration(patience) << "; see its log and `sluice status`\n";
  }
  return false;
}

std::unique_ptr<postgres::ReloadDesk> open_desk(const config::Config& config) {
  open_store(config)->desk()->check_schema();  // throws if the configuration or the database is not right
  return postgres::open_reload_desk(store_options(config));
}

int reload(const GlobalOptions& global, const ReloadOptions& options) {
  const auto request = request_of(options);
  const config::Config config = global.resolve();
  const auto desk = open_desk(config);
  if (options.wait && !desk->hears())
    throw base::UsageError(
        "--wait needs a connection that can listen, but this one has pgbouncer=true; set database.direct_url "
        "or DIRECT_URL");
  const std::string host = base::host_name();
  std::list<Asked> runtimes = find_runtimes(*desk, host);
  if (runtimes.empty()) {
    std::cerr << "no runtime of " << config.table << " in " << postgres::describe(config.database_url)
              << " is alive on this host (" << host
              << "); start one with `sluice run`, or run `sluice reload` on the host of a runtime\n";
    return ExitCode::failed;
  }
  if (options.wait) {
    // Enough for the round under way and then ours. Each describes and starts plugins, with a limit for each.
    const auto usual = 4 * config.start_timeout + std::chrono::seconds(10);
    const bool begins = request && request->what == fleet::ReloadRequest::What::canary;
    const auto patience = begins ? usual + request->plan.longest : usual;
    return ask_and_wait(*desk, runtimes, request, patience) ? ExitCode::ok : ExitCode::failed;
  }
  const bool all = ask(runtimes, request);
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
      .add_option("--canary", options.canary,
                  "Give new versions only this share of the jobs, such as 5%, and compare them with the "
                  "present ones before they take over")
      .takes("SHARE");
  command.add_option("--for", options.longest, "How long a canary is compared [10m]").takes("TIME");
  command.add_option("--min-jobs", options.least_jobs, "A canary that ran fewer jobs goes back [100]")
      .between(0, static_cast<int>(fleet::most_least_jobs));
  command.add_flag("--promote", options.promote, "Have a canary, or what went back, take over now");
  command.add_flag("--abort", options.abort, "Have a canary go back now");
  add_examples(command,
               "  sluice reload\n  sluice reload --canary 5% --for 30m --wait\n  mv mail.so.new mail.so && "
               "sluice reload --wait   # in the plugin directory");
  command.callback([&] { code = reload(global, options); });
}

}  // namespace sluice::cli
