// sluice drain: runs jobs until nothing is due; the guide's jobs:drain.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <stdexcept>

#include "base/duration.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/runtime/control_groups.hpp"
#include "cli/text/nearest.hpp"
#include "cli/text/table.hpp"
#include "config/host_users.hpp"
#include "engine/engine.hpp"

namespace sluice::cli {

namespace {

struct DrainOptions {
  std::vector<std::string> types;
  std::int64_t limit = 0;
  bool fail_on_error = false;
  bool json = false;
};

struct Total {
  std::int64_t done = 0;
  std::int64_t retrying = 0;
  std::int64_t failed = 0;
};

Total total(const engine::Tally& tally) {
  Total sum;
  for (const auto& [type, count] : tally.by_type()) {
    sum.done += count.done;
    sum.retrying += count.retrying;
    sum.failed += count.failed;
  }
  return sum;
}

void show_progress(const engine::Tally& tally) {
  const Total sum = total(tally);
  std::cerr << "\r\033[K" << grouped(sum.done) << " done, " << grouped(sum.retrying) << " to retry, "
            << grouped(sum.failed) << " failed" << std::flush;
}

std::string mean(const engine::TypeSummary& count) {
  const std::int64_t runs = count.done + count.retrying + count.failed + count.snoozed;
  return runs == 0 ? "" : base::format_duration(count.busy / runs);
}

void print_table(const engine::Tally& tally, std::chrono::microseconds took) {
  std::vector<std::vector<std::string>> rows{
      {"TYPE", "DONE", "TO RETRY", "FAILED", "SNOOZED", "GIVEN BACK", "MEAN TIME"}};
  for (const auto& [type, count] : tally.by_type()) {
    rows.push_back({type, grouped(count.done), grouped(count.retrying), grouped(count.failed),
                    grouped(count.snoozed), grouped(count.released), mean(count)});
  }
  if (rows.size() > 1) std::cout << table(rows, {1, 2, 3, 4, 5, 6});
  const Total sum = total(tally);
  std::cout << grouped(sum.done) << " done, " << grouped(sum.retrying) << " to retry, " << grouped(sum.failed)
            << " failed, in " << base::format_duration(took) << "\n";
  if (tally.dropped() > 0) {
    std::cout << grouped(tally.dropped())
              << " outcomes were not written, because another runtime or program took their jobs meanwhile\n";
  }
}

/// Due jobs of a type that no plugin here serves.
struct Waiting {
  std::string type;
  std::int64_t jobs = 0;
  bool more = false;  ///< than were counted
};

std::vector<Waiting> left_waiting(store::Store& store, const DrainOptions& options,
                                  const std::set<std::string>& served) {
  constexpr std::size_t most = 10000;  // a look, not a count
  std::vector<Waiting> waiting;
  std::vector<store::QueueDepth> depths;
  try {
    depths = store.desk()->depths(most);
  } catch (const std::runtime_error& error) {  // not a failure of the drain
    log::warn("the jobs that are left waiting could not be counted", {{"reason", error.what()}});
  }
  for (const store::QueueDepth& depth : depths) {
    const bool asked = options.types.empty() || std::find(options.types.begin(), options.types.end(),
                                                          depth.type) != options.types.end();
    if (depth.status != "pending" || served.contains(depth.type) || !asked) continue;
    waiting.push_back({depth.type, depth.jobs, depth.jobs >= static_cast<std::int64_t>(most)});
  }
  return waiting;
}

void print_waiting(const std::vector<Waiting>& waiting, const std::string& directory) {
  for (const Waiting& one : waiting) {
    std::cerr << "sluice drain: left waiting: " << (one.more ? "at least " : "") << grouped(one.jobs)
              << (one.jobs == 1 ? " job" : " jobs") << " of type '" << one.type << "', because no plugin in '"
              << directory << "' serves that type; `sluice plugin list` shows the plugins\n";
  }
}

/// False if no plugin serves one of the requested types; says so.
bool all_served(const DrainOptions& options, const std::set<std::string>& served,
                const std::string& directory) {
  const std::vector<std::string> known(served.begin(), served.end());
  bool all = true;
  for (const std::string& type : options.types) {
    if (served.contains(type)) continue;
    const std::string meant = nearest(type, known);
    std::cerr << "sluice drain: --type '" << type << "': no plugin in '" << directory << "' serves that type"
              << (meant.empty() ? "" : "; did you mean '" + meant + "'?") << "\n";
    all = false;
  }
  return all;
}

void print_json(const engine::Tally& tally, std::chrono::microseconds took,
                const std::vector<Waiting>& waiting) {
  std::cout << "{\"types\":[";
  const char* comma = "";
  for (const auto& [type, count] : tally.by_type()) {
    std::cout << comma << "{\"type\":" << base::json_quote(type) << ",\"done\":" << count.done
              << ",\"retrying\":" << count.retrying << ",\"failed\":" << count.failed
              << ",\"snoozed\":" << count.snoozed << ",\"released\":" << count.released
              << ",\"busy_seconds\":" << static_cast<double>(count.busy.count()) / 1e6 << "}";
    comma = ",";
  }
  const Total sum = total(tally);
  std::cout << "],\"done\":" << sum.done << ",\"retrying\":" << sum.retrying << ",\"failed\":" << sum.failed
            << ",\"dropped\":" << tally.dropped()
            << ",\"seconds\":" << static_cast<double>(took.count()) / 1e6 << ",\"waiting\":[";
  comma = "";
  for (const Waiting& one : waiting) {
    std::cout << comma << "{\"type\":" << base::json_quote(one.type) << ",\"jobs\":" << one.jobs << "}";
    comma = ",";
  }
  std::cout << "]}\n";
}

/// If not, says why.
bool has_run(const engine::EngineResult& result, const std::string& directory) {
  if (!result.failure.empty()) {
    std::cerr << "sluice drain: gave up: " << result.failure << "\n";
    return false;
  }
  if (result.plugins > 0 || result.stopped) return true;
  std::cerr << "sluice drain: no job was run, because no plugin in '" << directory
            << "' can be used; `sluice plugin list` says why\n";
  return false;
}

int drain(const GlobalOptions& global, const DrainOptions& options) {
  config::Config config = global.resolve();
  plugin_directory(config);  // throws if there is none, before anything is opened
  config::check_users(config);
  engine::EngineOptions engine_options;
  const auto groups = open_control_groups(config);
  engine_options.control_groups = groups.get();
  engine_options.drain = true;
  engine_options.types = {options.types.begin(), options.types.end()};
  if (options.limit > 0) engine_options.limit = options.limit;
  const bool progress = isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  if (progress) engine_options.progress = show_progress;
  const auto store = open_store(config);
  const auto started = engine::Clock::now();
  engine::Engine engine(*store, config, std::move(engine_options));
  const engine::EngineResult result = engine.run();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(engine::Clock::now() - started);
  if (progress) std::cerr << "\r\033[K";
  const bool whole = result.failure.empty() && !result.stopped;
  const auto waiting = whole ? left_waiting(*store, options, result.served) : std::vector<Waiting>{};
  if (options.json) {
    print_json(engine.tally(), took, waiting);
  } else {
    print_table(engine.tally(), took);
  }
  if (!has_run(result, config.plugin_directory)) return ExitCode::failed;
  if (options.types.empty()) print_waiting(waiting, config.plugin_directory);
  if (result.stopped || !all_served(options, result.served, config.plugin_directory)) return ExitCode::failed;
  const Total sum = total(engine.tally());
  return options.fail_on_error && sum.retrying + sum.failed > 0 ? ExitCode::failed : ExitCode::ok;
}

}  // namespace

void add_drain(const Command& program, GlobalOptions& global, int& code) {
  const Command command =
      program.add_subcommand("drain", "Run jobs until nothing is due, then print a summary");
  add_database_options(command, global);
  add_plugin_options(command, global);
  static DrainOptions options;
  command.add_option("--type", options.types, "Only jobs of this type; may be given several times")
      .take_all();
  command.add_option("--limit", options.limit, "Claim at most this many jobs").positive();
  command.add_flag("--fail-on-error", options.fail_on_error, "Exit with 1 if any job failed");
  command.add_flag("--json", options.json, "Print the summary as JSON");
  add_examples(command,
               "  sluice drain --plugins /usr/lib/sluice/plugins\n"
               "  sluice drain --type email.send --type pdf.generate --limit 100\n"
               "  */5 * * * * sluice drain --fail-on-error   # from cron: safe while another one runs");
  command.callback([&] { code = drain(global, options); });
}

}  // namespace sluice::cli
