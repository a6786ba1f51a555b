// sluice init: makes or upgrades schema sluice, and the outbox table where it is missing.
#include <iostream>

#include "cli/command.hpp"
#include "store/postgres_store.hpp"

namespace sluice::cli {

namespace {

int init(const GlobalOptions& options, bool print_sql) {
  const base::Config config = options.resolve();
  if (print_sql) {
    std::cout << store::init_sql(store_options(config));
    return ExitCode::ok;
  }
  const std::vector<std::string> done = open_store(config)->desk()->init();
  for (const std::string& step : done) std::cout << step << "\n";
  if (done.empty()) std::cout << "everything is in place already\n";
  return ExitCode::ok;
}

}  // namespace

void add_init(const Command& program, GlobalOptions& options, int& code) {
  const Command command =
      program.add_subcommand("init", "Make what Sluice needs in the database; safe to repeat");
  add_database_options(command, options);
  static bool print_sql = false;
  command.add_flag("--print-sql", print_sql, "Only print the SQL, for whoever applies migrations by hand");
  add_examples(command, "  sluice init\n  sluice init --print-sql | psql \"$DATABASE_URL\"");
  command.callback([&] { code = init(options, print_sql); });
}

}  // namespace sluice::cli
