// sluice jobs repro: a job as a file, which `sluice plugin run --repro` runs again away from the database.
#include <iostream>

#include "base/harmless.hpp"
#include "cli/jobs/job_repro.hpp"
#include "cli/jobs/jobs.hpp"

namespace sluice::cli {

namespace {

void note(const std::string& words) {
  std::cerr << "note: " << base::harmless(words) << "\n";
}

int write(const GlobalOptions& global, const std::string& id) {
  const config::Config config = global.resolve();
  const auto desk = open_jobs(config);
  const auto details = desk->show(id);
  if (!details) {
    std::cerr << "there is no job '" << base::harmless(id) << "'; sluice jobs list shows the newest jobs\n";
    return ExitCode::failed;
  }
  const std::string file = text_of(make_repro(*details, config, note));
  desk->record("repro", {}, {id});  // first, as it has the payload
  std::cout << file << "\n";
  return ExitCode::ok;
}

}  // namespace

void add_jobs_repro(const Command& jobs, GlobalOptions& global, int& code) {
  const Command command = jobs.add_subcommand(
      "repro",
      "Write a job as a file, to run it again away from the database: payload, plugin, configuration");
  add_database_options(command, global);
  add_plugin_options(command, global);
  static std::string id;
  command.add_option("ID", id, "The job's id").required();
  add_examples(command,
               "  sluice jobs repro cm1x2y3z4 >job.json\n"
               "  sluice plugin run --repro job.json");
  command.callback([&] { code = write(global, id); });
}

}  // namespace sluice::cli
