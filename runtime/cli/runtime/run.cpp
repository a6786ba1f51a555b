// sluice run: runs jobs until it is stopped.
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/address.hpp"
#include "base/log.hpp"
#include "base/threads.hpp"
#include "cli/command.hpp"
#include "cli/runtime/control_groups.hpp"
#include "cli/runtime/dashboard.hpp"
#include "cli/runtime/secrets.hpp"
#include "config/host_users.hpp"
#include "engine/engine.hpp"
#include "engine/watch/statement_times.hpp"
#include "http/endpoint.hpp"
#include "postgres/link/connection_string.hpp"

namespace sluice::cli {

namespace {

void wait_for_database(store::Store& store) {
  for (bool said = false;; said = true) {
    try {
      return store.desk()->check_schema();
    } catch (const store::Unavailable& error) {
      if (!said)
        log::warn("the database does not answer; sluice waits until it does", {{"reason", error.what()}});
    }
    base::sleep_for(std::chrono::seconds(1));
  }
}

int run(const GlobalOptions& global, bool waits) {
  const config::Config config = global.resolve();
  plugin_directory(config);  // throws if there is none, before anything is opened
  config::check_users(config);
  const auto store = open_store(config);
  if (waits) wait_for_database(*store);
  for (const std::string& warning : secret_warnings(config, global.config_path())) log::warn(warning);
  if (const std::string warning = config::root_warning(config); !warning.empty()) log::warn(warning);
  const auto groups = open_control_groups(config);
  engine::EngineOptions options;
  options.control_groups = groups.get();
  options.reread = [&global] { return global.reread(); };
  engine::StatementTimes times;
  engine::TimedStore timed(*store, times);
  engine::Engine engine(timed, config, std::move(options));
  std::unique_ptr<dashboard::Site> site;
  std::optional<http::Endpoint> endpoint;
  std::optional<dashboard::Pulse> pulse;
  if (const auto address = base::parse_address(config.http.listen)) {
    const std::string problem = dashboard_problem(config, *address);
    if (!problem.empty()) log::info(problem);
    if (problem.empty()) site = open_dashboard(config, *address);
    http::Server::Handler rest;
    if (site) rest = [&site](const http::Request& request) { return site->answer(request); };
    endpoint.emplace(*address, engine, times, *store, server_options(config), std::move(rest));
    if (site) pulse.emplace(*site, endpoint->server());
    const std::string scheme = config.http.certificate.empty() ? "http://" : "https://";
    log::info("serving HTTP", {{"url", scheme + endpoint->server().address().text()}});
  }
  log::info("sluice started",
            {{"database", postgres::describe(config.database_url)}, {"table", config.table}});
  engine.run();
  if (site) site->limit(base::Clock::now() + last_answers);
  log::info("sluice stopped");
  return ExitCode::ok;
}

}  // namespace

void add_run(const Command& program, GlobalOptions& global, int& code) {
  const Command command = program.add_subcommand("run", "Run jobs until stopped by SIGTERM or Ctrl-C");
  add_database_options(command, global);
  add_plugin_options(command, global);
  command
      .add_option("--listen", global.http_listen,
                  "Serve /livez, /readyz, /metrics and the dashboard on this address [SLUICE_HTTP_LISTEN; "
                  "http.listen]")
      .takes("HOST:PORT");
  static bool waits = false;
  command.add_flag(
      "--wait-for-database", waits,
      "If the database does not answer at the start, wait until it does instead of exiting with 1");
  add_examples(
      command,
      "  sluice run --plugins /usr/lib/sluice/plugins\n  sluice run --config /etc/sluice/sluice.toml");
  command.callback([&] { code = run(global, waits); });
}

}  // namespace sluice::cli
