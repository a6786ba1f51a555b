// sluice init: makes or upgrades schema sluice, and the outbox table where it is missing.
#include <iostream>
#include <optional>

#include "cli/command.hpp"
#include "store/postgres_store.hpp"

namespace sluice::cli {

namespace {

struct InitOptions {
  bool print_sql = false;
  std::string indexes;
};

std::optional<store::Indexes> wanted_indexes(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name == "guide") return store::Indexes::guide;
  if (name == "lean") return store::Indexes::lean;
  throw base::UsageError("--indexes takes guide or lean, not '" + name + "'");
}

int init(const GlobalOptions& options, const InitOptions& own) {
  const auto indexes = wanted_indexes(own.indexes);
  const base::Config config = options.resolve();
  if (own.print_sql) {
    std::cout << store::init_sql(store_options(config), indexes);
    return ExitCode::ok;
  }
  const auto desk = open_store(config)->desk();
  std::vector<std::string> done = desk->init();
  if (indexes) {
    const auto changed = desk->set_indexes(*indexes);
    done.insert(done.end(), changed.begin(), changed.end());
  }
  for (const std::string& step : done) std::cout << step << "\n";
  if (done.empty()) std::cout << "everything is in place already\n";
  return ExitCode::ok;
}

}  // namespace

void add_init(const Command& program, GlobalOptions& options, int& code) {
  const Command command =
      program.add_subcommand("init", "Make what Sluice needs in the database; safe to repeat");
  add_database_options(command, options);
  static InitOptions own;
  command.add_flag("--print-sql", own.print_sql,
                   "Only print the SQL, for whoever applies migrations by hand");
  command.add_option(
      "--indexes", own.indexes,
      "guide: all of the guide's indexes on the table; lean: only the two that claiming needs. "
      "Without it, an existing table's are left alone");
  add_examples(command,
               "  sluice init\n"
               "  sluice init --print-sql | psql \"$DATABASE_URL\"\n"
               "  sluice init --indexes lean   # for a table that Sluice owns alone");
  command.callback([&] { code = init(options, own); });
}

}  // namespace sluice::cli
