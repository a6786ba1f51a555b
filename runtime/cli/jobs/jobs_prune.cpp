// sluice jobs prune: deletes old finished jobs in small batches.
#include <iostream>

#include "cli/jobs/jobs.hpp"
#include "cli/text/table.hpp"

namespace sluice::cli {

namespace {

constexpr Verb verb{"delete", "deleted"};
constexpr std::size_t batch = 1000;

struct PruneOptions {
  std::vector<std::string> statuses;
  std::vector<std::string> types;
  std::string older_than;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

store::JobFilter filter_of(const PruneOptions& options) {
  store::JobFilter filter;
  for (const auto& given : options.statuses) {
    const std::string status = status_option(given);
    if (status != "done" && status != "error") {
      throw base::UsageError("--status " + given +
                             ": only jobs in done or error can be pruned, because others are not finished");
    }
    filter.statuses.push_back(status);
  }
  if (filter.statuses.empty()) filter.statuses = {"done"};
  filter.types = options.types;
  filter.older_than = duration_option("--older-than", options.older_than);
  filter.unscheduled = true;
  return filter;
}

int count_only(std::int64_t count, bool json) {
  if (json) {
    std::cout << "{\"would_delete\":" << count << "}\n";
  } else {
    std::cout << "would delete " << grouped(count) << (count == 1 ? " job\n" : " jobs\n");
  }
  return ExitCode::ok;
}

int prune(const GlobalOptions& global, const PruneOptions& options) {
  const store::JobFilter filter = filter_of(options);
  const auto desk = open_jobs(global.resolve());
  std::int64_t expected = 0;
  if (options.dry_run || !options.yes) expected = desk->count(filter);
  if (options.dry_run) return count_only(expected, options.json);
  if (expected > 0 && !options.yes && !confirmed(verb, expected)) return ExitCode::failed;
  return walk(verb, filter, expected, options.json,
              [&](const auto& one, auto& place) { return desk->remove_some(one, place, batch); });
}

}  // namespace

void add_jobs_prune(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command =
      jobs.add_subcommand("prune",
                          "Delete old finished jobs, with their failed attempts and output, 1,000 in a "
                          "transaction. Locked jobs are skipped. Ctrl-C ends it after the current batch");
  add_database_options(command, global);
  static PruneOptions options;
  command
      .add_option("--status", options.statuses,
                  "done or error (failed means error) [done]. Jobs in error that will be retried "
                  "automatically are not deleted")
      .take_all();
  command
      .add_option("--older-than", options.older_than, "Only jobs created longer ago than this: 12h, 30d, …")
      .required();
  command.add_option("--type", options.types, "Only jobs of this type; may be given several times")
      .take_all();
  command.add_flag("--dry-run", options.dry_run, "Only count the jobs");
  command.add_flag("--yes", options.yes, "Do not ask for confirmation");
  command.add_flag("--json", options.json, "Print the number of jobs as JSON");
  add_examples(
      command,
      "  sluice jobs prune --status done --older-than 30d --dry-run\n"
      "  sluice jobs prune --status done --older-than 30d\n"
      "  0 3 * * * sluice jobs prune --status done --older-than 30d --yes   # from cron, every night");
  command.callback([&] { code = prune(global, options); });
}

}  // namespace sluice::cli
