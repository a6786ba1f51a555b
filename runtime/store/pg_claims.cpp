#include "store/pg_claims.hpp"

#include "store/claim_rows.hpp"
#include "store/lane_parameters.hpp"
#include "store/pg_text.hpp"

namespace sluice::store {

namespace {

constexpr std::size_t give_back = lane_counts.size();  // behind the claim statements

std::vector<Statement> statements(const TableName& table) {
  std::vector<Statement> all;
  std::vector<Statement> searches = SweepStart::statements(table);
  all.reserve(lane_counts.size() + 1 + searches.size());
  for (const auto lanes : lane_counts) {
    all.push_back({"claim_" + std::to_string(lanes), claim_statement(table, lanes)});
  }
  all.push_back({"give_back", give_back_statement(table)});
  std::move(searches.begin(), searches.end(), std::back_inserter(all));
  return all;
}

}  // namespace

PgClaims::PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump)
    : runtime_(runtime),
      pump_(pump),
      session_(target, statements(table)),
      sweep_start_(session_, give_back + 1) {}

Claimed PgClaims::claim(const std::vector<LaneRequest>& lanes) {
  const auto rows = sweep_start_.around(lanes, [&](const auto& narrowed) { return this->rows(narrowed); });
  return read_claimed(rows, runtime_, session_.link().description(), session_.link().unencoded());
}

pqxx::result PgClaims::rows(const std::vector<LaneRequest>& lanes) {
  return session_.link().use("claim jobs", [&](pqxx::connection& connection) {
    return session_.in_transaction(
        connection, false, [&](pqxx::transaction_base& transaction) { return claim(transaction, lanes); });
  });
}

pqxx::result PgClaims::claim(pqxx::transaction_base& transaction, const std::vector<LaneRequest>& lanes) {
  return unless_fenced(runtime_, session_.link().description(), [&] {
    return with_lanes(lanes, [&](const auto&... parameters) {
      return session_.execute(transaction, lane_variant(lanes.size()), std::to_string(runtime_),
                              std::to_string(pump_), parameters...);
    });
  });
}

void PgClaims::reconcile(const std::vector<std::int64_t>& known) {
  session_.link().use("reconcile claims", [&](pqxx::connection& connection) {
    session_.end_lost_backend(connection);
    session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      return session_.execute(transaction, give_back, std::to_string(runtime_), std::to_string(pump_),
                              array_text(known));
    });
  });
}

}  // namespace sluice::store
