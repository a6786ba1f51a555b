// Claiming in PostgreSQL: one statement for a batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/claiming/sweep_start.hpp"
#include "postgres/claiming/wakes.hpp"
#include "postgres/interface.hpp"
#include "postgres/link/session.hpp"
#include "postgres/link/table_name.hpp"

namespace sluice::postgres {

class PgClaims : public ClaimSession {
 public:
  /// `mark`: claimed jobs become `processing` at once.
  PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump, bool mark,
           bool listens);

  Claimed claim(const std::vector<LaneRequest>& lanes, bool durable) override;
  void reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) override;
  void use(RuntimeId runtime) override { runtime_ = runtime; }
  bool want(bool wanted) override { return wakes_.want(runtime_, wanted); }
  std::int64_t wait(base::Clock::time_point end) override { return wakes_.wait(end); }
  void interrupt() override { wakes_.interrupt(); }

 private:
  /// What the next claim needs to know about other claims: it reads those that were open, and those of
  /// transactions that had not ended.
  struct Look {
    int connection = 0;  ///< of the session; on another connection it is useless
    std::string open = "{}";
    std::string since = "0";
  };

  Claimed take(const std::vector<LaneRequest>& lanes, bool durable);
  pqxx::result ask(pqxx::connection& connection, const std::vector<LaneRequest>& lanes, bool durable,
                   bool mark);
  Claimed read(const pqxx::result& rows);

  RuntimeId runtime_;
  const int pump_;
  const bool mark_;
  const std::string surrender_;  // the statement
  Look look_;
  PgSession session_;
  SweepStart sweep_start_;
  PgWakes wakes_;
};

}  // namespace sluice::postgres
