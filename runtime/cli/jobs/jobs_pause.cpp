// sluice jobs pause, sluice jobs resume: no jobs of a type are claimed until it is resumed.
#include <iostream>

#include "cli/jobs/jobs.hpp"

namespace sluice::cli {

namespace {

struct PauseOptions {
  std::string type;
  std::string reason;
};

std::string quoted(const std::string& type) {
  return "'" + one_line(type, type.size()) + "'";
}

int pause(const GlobalOptions& global, const PauseOptions& options) {
  if (options.type.empty()) throw base::UsageError("the job type is empty: name the type to pause");
  const bool is_new = open_jobs(global.resolve())->pause(options.type, options.reason);
  std::cout << (is_new ? "paused " : "was paused already: ") << quoted(options.type)
            << "; running jobs continue, and no more are claimed until sluice jobs resume\n";
  return ExitCode::ok;
}

int resume(const GlobalOptions& global, const std::string& type) {
  if (open_jobs(global.resolve())->resume(type)) {
    std::cout << "resumed " << quoted(type) << "\n";
    return ExitCode::ok;
  }
  std::cerr << "job type " << quoted(type)
            << " was not resumed: it is not paused; sluice status lists paused types\n";
  return ExitCode::failed;
}

}  // namespace

void add_jobs_pause(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand(
      "pause",
      "Claim no more jobs of a type, until it is resumed. Running jobs continue. Producers may go on "
      "inserting jobs of the type; they wait");
  add_database_options(command, global);
  static PauseOptions options;
  command.add_option("TYPE", options.type, "The job type, which need not be served now").required();
  command.add_option("--reason", options.reason, "Why, for those who read sluice status");
  add_examples(command, "  sluice jobs pause email.send --reason 'the mail server moves'");
  command.callback([&] { code = pause(global, options); });
}

void add_jobs_resume(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand("resume", "Claim jobs of a paused type again");
  add_database_options(command, global);
  static std::string type;
  command.add_option("TYPE", type, "The job type").required();
  add_examples(command, "  sluice jobs resume email.send");
  command.callback([&] { code = resume(global, type); });
}

}  // namespace sluice::cli
