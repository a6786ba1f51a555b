// sluice jobs cancel: ends jobs that wait, and asks runtimes to stop those that run.

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
      "End jobs that wait, are scheduled or would be tried again: they become errors that nothing tries "
      "again. The runtime that runs a job is asked to stop it; the job ends when its handler looks");
  add_database_options(command, global);
  static CancelOptions options;
  command.add_option("ID", options.ids, "Ids of jobs").required();
  command.add_flag("--json", options.json, "Print what was done as JSON");
  add_examples(command, "  sluice jobs cancel cm1x2y3z4 cm5x6y7z8");
  command.callback([&] { code = cancel(global, options); });
}

}  // namespace sluice::cli
