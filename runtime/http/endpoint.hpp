// What a runtime serves over HTTP: /livez, /readyz and /metrics.
#pragma once

#include "base/address.hpp"
#include "engine/engine.hpp"
#include "engine/watch/statement_times.hpp"
#include "http/database_watch.hpp"
#include "http/server.hpp"

namespace sluice::http {

class Endpoint {
 public:
  /// Serves until it is destroyed, `rest` answering what is neither health nor metrics. Throws
  /// base::UsageError if it can't listen. `engine` and `times` must outlive it.
  Endpoint(const base::Address& address, engine::Engine& engine, const engine::StatementTimes& times,
           store::Store& store, ServerOptions options = {}, Server::Handler rest = nullptr);

  Server& server() { return server_; }

 private:
  Page live();
  Page ready();
  Page metrics();

  engine::Engine& engine_;
  const engine::StatementTimes& times_;
  DatabaseWatch watch_;
  Server server_;  // last, because its threads use all of the above
};

}  // namespace sluice::http
