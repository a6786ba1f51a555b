// The heart's statement in PostgreSQL.
#pragma once

#include "postgres/interface.hpp"
#include "postgres/link/link.hpp"

namespace sluice::postgres {

class PgHeart : public HeartSession {
 public:
  PgHeart(const ConnectionString& target, std::chrono::milliseconds patience);

  std::optional<double> beat(RuntimeId runtime) override;

 private:
  std::optional<double> beat(pqxx::transaction_base& transaction, RuntimeId runtime);

  /// The runtime's row as the last beat left it, in microseconds since 1970. A recreated database hands out
  /// runtime numbers from the start again, and a restored one has an earlier state of the row.
  struct Row {
    RuntimeId runtime = 0;
    std::int64_t started_at = 0;
    std::int64_t beat_at = 0;
  };

  const std::chrono::milliseconds patience_;
  Row row_;
  Link link_;
};

}  // namespace sluice::postgres
