#include "http/endpoint.hpp"

#include <algorithm>
#include <utility>

#include "base/threads.hpp"
#include "base/version.hpp"
#include "http/health.hpp"
#include "http/metrics.hpp"

namespace sluice::http {

namespace {

/// Scrapes have a limit of some seconds, and results that are older than this are still useful.
constexpr std::chrono::milliseconds scrape_patience{500};

Page page(const std::vector<Check>& checks) {
  return {passed(checks) ? 200 : 503, "application/json", to_json(checks)};
}

DatabaseContact contact(engine::Engine& engine, std::chrono::milliseconds patience) {
  const auto since_answer = engine.since_answer(patience);
  return {engine.outage().lasting(), engine.outage().reason(), since_answer};
}

}  // namespace

Endpoint::Endpoint(const base::Address& address, engine::Engine& engine, const engine::StatementTimes& times,
                   store::Store& store, ServerOptions options, Server::Handler rest)
    : engine_(engine),
      times_(times),
      watch_(store.desk()),
      server_(address,
              {{"/livez", [this] { return live(); }},
               {"/readyz", [this] { return ready(); }},
               {"/metrics", [this] { return metrics(); }}},
              std::move(options), std::move(rest)) {}

Page Endpoint::live() {
  return page(liveness(engine_.observe(loop_patience)));
}

Page Endpoint::ready() {
  const auto end = base::Clock::now() + ready_patience;
  const auto left = [&] {
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(end - base::Clock::now());
    return std::max(time, std::chrono::milliseconds(0));
  };
  const auto loop = engine_.observe(left());
  const DatabaseContact database = contact(engine_, left());
  return page(readiness(loop, database, watch_.schema(left())));
}

Page Endpoint::metrics() {
  Measured measured;
  measured.version = base::version();
  measured.loop = engine_.observe(scrape_patience);
  measured.depths = watch_.depths(scrape_patience);
  measured.types = engine_.tally().by_type();
  measured.total = engine_.tally().total();
  measured.statements = times_.by_statement();
  measured.database_up = is_up(contact(engine_, scrape_patience));
  measured.process = process_usage();
  return {200, metrics_type, metrics_text(measured)};
}

}  // namespace sluice::http
