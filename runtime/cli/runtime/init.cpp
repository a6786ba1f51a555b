// sluice init: creates or upgrades schema sluice, and creates the outbox table if it is missing.
#include <iostream>
#include <optional>

#include "cli/command.hpp"
#include "postgres/postgres_store.hpp"

namespace sluice::cli {

namespace {

struct InitOptions {
  bool print_sql = false;
  std::string indexes;
  postgres::Grants grants;
};

std::optional<store::Indexes> wanted_indexes(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name == "guide") return store::Indexes::guide;
  if (name == "lean") return store::Indexes::lean;
  throw base::UsageError("--indexes: invalid value '" + name + "', expected guide or lean");
}

int init(const GlobalOptions& options, const InitOptions& own) {
  const auto indexes = wanted_indexes(own.indexes);
  const config::Config config = options.resolve();
  if (own.print_sql) {
    postgres::PostgresOptions options_of_store = store_options(config);
    options_of_store.grants = own.grants;
    std::cout << postgres::init_sql(options_of_store, indexes);
    return ExitCode::ok;
  }
  const auto desk = open_store(config, own.grants)->desk();
  std::vector<std::string> done = desk->init();
  if (indexes) {
    const auto changed = desk->set_indexes(*indexes);
    done.insert(done.end(), changed.begin(), changed.end());
  }
  for (const std::string& step : done) std::cout << step << "\n";
  if (done.empty()) std::cout << "nothing to do: everything is already in place\n";
  return ExitCode::ok;
}

}  // namespace

void add_init(const Command& program, GlobalOptions& options, int& code) {
  const Command command =
      program.add_subcommand("init", "Create what Sluice needs in the database; safe to repeat");
  add_database_options(command, options);
  static InitOptions own;
  command.add_flag("--print-sql", own.print_sql, "Only print the SQL, to be applied by hand");
  command.add_option(
      "--indexes", own.indexes,
      "guide: all of the guide's indexes on the table; lean: only the two that claiming needs. "
      "Without this option, the indexes of an existing table are not changed");
  command
      .add_option("--grant-run", own.grants.run,
                  "Grant this role the rights that sluice run and the other commands need; may be given "
                  "several times")
      .takes("ROLE")
      .take_all();
  command
      .add_option("--grant-enqueue", own.grants.enqueue,
                  "Grant this role the right to call sluice.enqueue; may be given several times")
      .takes("ROLE")
      .take_all();
  add_examples(command,
               "  sluice init\n"
               "  sluice init --grant-run worker --grant-enqueue app\n"
               "  sluice init --print-sql | psql \"$DATABASE_URL\"\n"
               "  sluice init --indexes lean   # for a table that Sluice owns alone");
  command.callback([&] { code = init(options, own); });
}

}  // namespace sluice::cli
