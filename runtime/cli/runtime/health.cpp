// sluice health db: whether the database is fit for Sluice; the guide's health:db.
#include <iostream>

#include "cli/command.hpp"
#include "cli/text/json.hpp"
#include "cli/text/table.hpp"
#include "postgres/desk/health.hpp"

namespace sluice::cli {

void add_health_api(const Command& health, GlobalOptions& global, int& code);  // health_api.cpp

namespace {

std::string name(postgres::Health health) {
  switch (health) {
    case postgres::Health::good:
      return "ok";
    case postgres::Health::warning:
      return "warning";
    case postgres::Health::failed:
      break;
  }
  return "failed";
}

void print_json(const std::vector<postgres::HealthCheck>& checks, bool good) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  writer.StartObject();
  member(writer, "healthy", good);
  writer.Key("checks");
  writer.StartArray();
  for (const auto& check : checks) {
    writer.StartObject();
    member(writer, "name", check.name);
    member(writer, "result", name(check.health));
    member(writer, "found", check.words);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  std::cout << buffer.GetString() << "\n";
}

void print_text(const std::vector<postgres::HealthCheck>& checks) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(checks.size());
  for (const auto& check : checks) rows.push_back({name(check.health), check.words});
  std::cout << table(rows);
}

int health_db(const GlobalOptions& global, bool json) {
  const config::Config config = global.resolve();
  open_store(config);  // throws if the configuration is invalid
  const auto checks = postgres::check_database(store_options(config));
  bool good = true;
  for (const auto& check : checks) good = good && check.health != postgres::Health::failed;
  if (json) {
    print_json(checks, good);
  } else {
    print_text(checks);
  }
  return good ? ExitCode::ok : ExitCode::failed;
}

}  // namespace

void add_health(const Command& program, GlobalOptions& global, int& code) {
  const Command health = program.add_subcommand("health", "Check the database, or a runtime");
  health.require_subcommand();
  static bool json = false;
  const Command db =
      health.add_subcommand("db",
                            "Check the database: connection, writes, table and schema, rights, "
                            "indexes, stuck jobs, runtimes. Exits with 1 if a check failed; a warning does "
                            "not count");
  add_database_options(db, global);
  db.add_flag("--json", json, "Print the result as JSON");
  add_examples(db,
               "  sluice health db\n"
               "  sluice health db --json | jq -r '.checks[] | select(.result != \"ok\") | .found'");
  db.callback([&] { code = health_db(global, json); });
  add_health_api(health, global, code);
  add_examples(health, "  sluice health db\n  sluice health api");
}

}  // namespace sluice::cli
