// sluice jobs retry: makes failed, scheduled and stuck jobs pending now.
#include <iostream>

#include "cli/jobs/jobs.hpp"

namespace sluice::cli {

namespace {

constexpr Verb verb{"retry", "retried"};
constexpr std::size_t batch = 1000;
constexpr std::size_t most_stuck = 100'000;

struct RetryOptions {
  std::vector<std::string> ids;
  std::vector<std::string> statuses;
  std::vector<std::string> types;
  std::string code;
  int attempts_below = 0;
  bool stuck = false;
  bool yes = false;
  bool json = false;
};

store::JobFilter filter_of(const RetryOptions& options) {
  store::JobFilter filter;
  for (const auto& given : options.statuses) {
    const std::string status = status_option(given);
    if (status != "error" && status != "scheduled") {
      throw base::UsageError("--status " + given +
                             ": only jobs in error or scheduled can be retried, and stuck jobs with --stuck");
    }
    filter.statuses.push_back(status);
  }
  filter.types = options.types;
  filter.stuck = options.stuck;
  filter.code = options.code;
  if (!options.code.empty() && filter.statuses.empty() && !options.stuck) filter.statuses = {"error"};
  if (options.attempts_below > 0) filter.attempts_below = options.attempts_below;
  return filter;
}

void check(const RetryOptions& options) {
  const bool filtered = !options.statuses.empty() || options.stuck || !options.code.empty();
  const bool restricted = !options.types.empty() || options.attempts_below > 0;
  if (options.ids.empty() && !filtered) {
    throw base::UsageError(
        "no jobs are named; give their ids, or choose them with --status error, --code or --stuck");
  }
  if (!options.ids.empty() && (filtered || restricted)) {
    throw base::UsageError(
        "ids can't be combined with --status, --code, --stuck, --type or --attempts-below");
  }
  if (options.stuck && !options.statuses.empty()) {
    throw base::UsageError("--stuck and --status can't be combined, because stuck jobs are in processing");
  }
}

/// Retries by id, because the jobs of a lost runtime must be rescued first.
int retry_stuck(store::JobDesk& desk, const store::JobFilter& filter, bool json) {
  std::vector<std::string> ids;
  for (const auto& job : desk.list(filter, most_stuck, true).jobs) ids.push_back(job.id);
  if (ids.empty() && !json) std::cout << "no job is stuck\n";
  return report(verb, desk.retry(ids), json);
}

int retry(const GlobalOptions& global, const RetryOptions& options) {
  check(options);
  const store::JobFilter filter = filter_of(options);
  const auto desk = open_jobs(global.resolve());
  if (!options.ids.empty()) return report(verb, desk->retry(options.ids), options.json);
  std::int64_t expected = 0;
  if (!options.yes) {
    expected = desk->count(filter);
    if (expected > 0 && !confirmed(verb, expected)) return ExitCode::failed;
  }
  if (options.stuck) return retry_stuck(*desk, filter, options.json);
  return walk(verb, filter, expected, options.json,
              [&](const auto& one, auto& place) { return desk->retry_some(one, place, batch); });
}

}  // namespace

void add_jobs_retry(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand(
      "retry",
      "Make failed, scheduled and stuck jobs pending now. Their attempts are not reset: a job whose attempts "
      "are used up runs once more. Running and done jobs are left unchanged");
  add_database_options(command, global);
  static RetryOptions options;
  command.add_option("ID", options.ids, "Ids of jobs");
  command
      .add_option("--status", options.statuses,
                  "All jobs with this status: error (failed means error) or scheduled")
      .take_all();
  command.add_flag("--stuck", options.stuck, "All jobs that `jobs list --stuck` shows");
  command.add_option("--type", options.types, "Only jobs of this type; may be given several times")
      .take_all();
  command.add_option(
      "--code", options.code,
      "Only jobs whose last attempt failed with this code, such as poison; implies --status error");
  command.add_option("--attempts-below", options.attempts_below, "Only jobs with fewer attempts than this")
      .positive();
  command.add_flag("--yes", options.yes, "Do not ask for confirmation");
  command.add_flag("--json", options.json, "Print the result as JSON");
  add_examples(command,
               "  sluice jobs retry cm1x2y3z4\n"
               "  sluice jobs retry --status error --attempts-below 3\n"
               "  sluice jobs retry --status error --type email.send --yes\n"
               "  sluice jobs retry --code poison\n"
               "  sluice jobs retry --stuck");
  command.callback([&] { code = retry(global, options); });
}

}  // namespace sluice::cli
