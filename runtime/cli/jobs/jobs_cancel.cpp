// sluice jobs cancel: ends waiting jobs, and asks runtimes to stop running jobs.

#include "cli/jobs/jobs.hpp"

namespace sluice::cli {

namespace {

constexpr Verb verb{"cancel", "cancelled"};

struct CancelOptions {
  std::vector<std::string> ids;
  bool json = false;
};

int cancel(const GlobalOptions& global, const CancelOptions& options) {
  return report(verb, open_jobs(global.resolve())->cancel(options.ids), options.json);
}

}  // namespace

void add_jobs_cancel(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand(
      "cancel",
      "End jobs that are pending, scheduled or to be retried. They get status error and are not retried "
      "automatically. If a job runs, its runtime is asked to stop it, and it ends when its handler checks "
      "for that");
  add_database_options(command, global);
  static CancelOptions options;
  command.add_option("ID", options.ids, "Ids of jobs").required();
  command.add_flag("--json", options.json, "Print the result as JSON");
  add_examples(command, "  sluice jobs cancel cm1x2y3z4 cm5x6y7z8");
  command.callback([&] { code = cancel(global, options); });
}

}  // namespace sluice::cli
