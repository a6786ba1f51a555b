// Claiming in PostgreSQL: one statement for a batch; more where the database refuses one of its rows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

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
  struct Care;
  using KeptRows = std::map<std::string, std::pair<std::int64_t, std::string>>;  ///< id → claim and place

  Claimed take(const std::vector<LaneRequest>& lanes);
  Claimed take_at_once(pqxx::connection& connection, const std::vector<LaneRequest>& lanes);
  Claimed take_with_care(pqxx::connection& connection, const std::vector<LaneRequest>& lanes);
  template <typename Step>
  std::optional<std::string> refusal(pqxx::work& work, Step&& step);
  Claimed pick(pqxx::work& work, const std::vector<LaneRequest>& lanes);
  KeptRows keep_rows(pqxx::work& work, std::span<const ClaimedJob> picked);
  bool others_can_be_claimed(Care& care, std::vector<LaneRequest> lanes);
  void keep(Care& care, std::size_t begin, std::size_t end);
  std::vector<Unclaimable> write_unclaimable(Care& care);
  Claimed read(const pqxx::result& rows) const;

  const TableName table_;
  const RuntimeId runtime_;
  const int pump_;
  std::set<std::string> left_;  ///< told to be pending as before, since nobody can claim them
  bool took_ = false;           ///< something was claimed: the table takes it in general
  PgSession session_;
  SweepStart sweep_start_;
};

}  // namespace sluice::store
