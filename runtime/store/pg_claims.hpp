// Claiming in PostgreSQL: one statement for a batch.
#pragma once

#include "store/pg_session.hpp"
#include "store/store.hpp"
#include "store/sweep_start.hpp"
#include "store/table_name.hpp"

namespace sluice::store {

class PgClaims : public ClaimSession {
 public:
  PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump);

  Claimed claim(const std::vector<LaneRequest>& lanes) override;
  void reconcile(const std::vector<std::int64_t>& known) override;

 private:
  pqxx::result rows(const std::vector<LaneRequest>& lanes);
  pqxx::result claim(pqxx::transaction_base& transaction, const std::vector<LaneRequest>& lanes);

  const RuntimeId runtime_;
  const int pump_;
  PgSession session_;
  SweepStart sweep_start_;
};

}  // namespace sluice::store
