// sluice run: runs jobs until it is stopped.
#include <optional>

#include "base/address.hpp"
#include "base/log.hpp"
#include "cli/command.hpp"
#include "cli/secrets.hpp"
#include "engine/engine.hpp"
#include "engine/statement_times.hpp"
#include "http/endpoint.hpp"
#include "store/connection_string.hpp"

namespace sluice::cli {

namespace {

int run(const GlobalOptions& global) {
  const base::Config config = global.resolve();
  plugin_directory(config);  // wrong usage without one, before anything is opened
  const auto store = open_store(config);
  for (const std::string& warning : secret_warnings(config, global.config_path())) log::warn(warning);
  engine::EngineOptions options;
  options.reread = [&global] { return global.reread(); };
  engine::StatementTimes times;
  engine::TimedStore timed(*store, times);
  engine::Engine engine(timed, config, std::move(options));
  std::optional<http::Endpoint> endpoint;
  if (const auto address = base::parse_address(config.http_listen)) {
    endpoint.emplace(*address, engine, times, *store);
    log::info("serving HTTP", {{"url", "http://" + endpoint->address().text()}});
  }
  log::info("sluice runs", {{"database", store::describe(config.database_url)}, {"table", config.table}});
  engine.run();
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
                  "Serve /livez, /readyz and /metrics there [SLUICE_HTTP_LISTEN; http.listen]")
      .takes("HOST:PORT");
  add_examples(
      command,
      "  sluice run --plugins /usr/lib/sluice/plugins\n  sluice run --config /etc/sluice/sluice.toml");
  command.callback([&] { code = run(global); });
}

}  // namespace sluice::cli
