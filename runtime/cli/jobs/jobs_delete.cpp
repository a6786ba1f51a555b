// sluice jobs delete: deletes single jobs and their records.

#include "cli/jobs/jobs.hpp"

namespace sluice::cli {

namespace {

constexpr Verb verb{"delete", "deleted"};

struct DeleteOptions {
  std::vector<std::string> ids;
  bool yes = false;
  bool json = false;
};

int remove(const GlobalOptions& global, const DeleteOptions& options) {
  const auto desk = open_jobs(global.resolve());
  const bool ask = options.ids.size() > 1 && !options.yes;
  if (ask && !confirmed(verb, static_cast<std::int64_t>(options.ids.size()))) return ExitCode::failed;
  return report(verb, desk->remove(options.ids), options.json);
}

}  // namespace

void add_jobs_delete(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand(
      "delete", "Delete jobs in any status except running ones, with their failed attempts and output");
  add_database_options(command, global);
  static DeleteOptions options;
  command.add_option("ID", options.ids, "Ids of jobs").required();
  command.add_flag("--yes", options.yes, "Delete more than one job without asking for confirmation");
  command.add_flag("--json", options.json, "Print the result as JSON");
  add_examples(command,
               "  sluice jobs delete cm1x2y3z4\n"
               "  sluice jobs delete cm1x2y3z4 cm5x6y7z8 --yes");
  command.callback([&] { code = remove(global, options); });
}

}  // namespace sluice::cli
