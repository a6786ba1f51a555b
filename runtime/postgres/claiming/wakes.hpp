// Waiting for new jobs on the connection of a session, with LISTEN. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/descriptor.hpp"
#include "base/threads.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/session.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

/// Like the functions of ClaimSession.
class PgWakes {
 public:
  /// What a session that `listens` runs on each new connection; otherwise nothing.
  static std::string on_open(bool listens);

  PgWakes(PgSession& session, const TableName& table, bool listens);

  bool want(RuntimeId runtime, bool wanted);
  std::int64_t wait(base::Clock::time_point end);
  void interrupt();

 private:
  bool hears() { return listens_ && !session_.link().pooled(); }
  bool await(int socket, base::Clock::time_point end) const;

  PgSession& session_;
  const std::string trigger_query_;
  const bool listens_;
  const base::Descriptor interrupted_;  ///< an eventfd
};

}  // namespace sluice::postgres
