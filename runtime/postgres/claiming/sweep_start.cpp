#include "postgres/claiming/sweep_start.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

/// A sweep that takes less time than a few of the searches that it might need is left unchanged.
constexpr std::chrono::milliseconds slow{20};
/// The precision that a time of the database loses when it becomes a number and back.
constexpr double rounding = 0.001;

}  // namespace

std::vector<Statement> SweepStart::statements(const TableName& table) {
  return {{"front", front_statement(table)}, {"search", sql("search", table)}};
}

SweepStart::SweepStart(PgSession& session, std::size_t first) : session_(session), first_(first) {}

std::vector<LaneRequest> SweepStart::narrowed(std::vector<LaneRequest> lanes) {
  searched_ = false;
  if (!pays_) return lanes;
  for (LaneRequest& lane : lanes) {
    if (lane.cursor) continue;
    const std::string types = array_text(lane.types);
    if (front_is_ours(types)) continue;
    searched_ = true;
    const auto found = search(types);
    if (!found) continue;
    // If there are none, only jobs that were inserted during the search are looked for.
    lane.cursor = found->oldest ? *found->oldest - rounding : found->asked_at - clock_slack;
    if (found->oldest) lane.limit = std::min(lane.limit, found->rows);
  }
  return lanes;
}

/// Whether the next claim is worth a search.
void SweepStart::took(base::Clock::duration time) {
  pays_ = searched_ || time > slow;
}

bool SweepStart::front_is_ours(const std::string& types) {
  const pqxx::result rows = session_.link().use("look at the oldest jobs", [&](pqxx::connection& connection) {
    return session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      return session_.execute(transaction, first_, types);
    });
  });
  return rows[0][0].as<bool>();
}

/// Nullopt if it takes too long.
std::optional<SweepStart::Found> SweepStart::search(const std::string& types) {
  using Rows = std::optional<pqxx::result>;
  const Rows rows = session_.link().use("look for jobs", [&](pqxx::connection& connection) -> Rows {
    try {
      return session_.in_transaction(connection, true, [&](pqxx::transaction_base& transaction) {
        transaction.exec(sql("search_settings"));
        return session_.execute(transaction, first_ + 1, types);
      });
    } catch (const pqxx::sql_error& error) {
      if (error.sqlstate() != "57014") throw;
      return std::nullopt;
    }
  });
  if (!rows) return std::nullopt;
  const pqxx::row row = (*rows)[0];
  Found found;
  if (!row[0].is_null()) found.oldest = parse_double(text_of(row[0]));
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  found.rows = static_cast<int>(std::min(row[1].as<std::int64_t>(), most));
  found.asked_at = parse_double(text_of(row[2]));
  return found;
}

}  // namespace sluice::postgres
