#include "store/pg_claims.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

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

struct LaneTexts {
  std::string types = "{}";
  std::string limit = "0";
  std::string cursor = "Infinity";
  std::string bytes = "0";
};

LaneTexts lane_texts(const LaneRequest& lane) {
  return {array_text(lane.types), std::to_string(std::max(lane.limit, 0)), cursor_text(lane.cursor),
          std::to_string(lane.bytes)};
}

// The texts of `Count` lanes, four each; lanes that were not asked for take nothing.
template <std::size_t Count>
std::array<std::string, 4 * Count> lane_parameters(const std::vector<LaneRequest>& lanes) {
  std::array<std::string, 4 * Count> parameters;
  for (std::size_t i = 0; i < Count; ++i) {
    LaneTexts texts = i < lanes.size() ? lane_texts(lanes[i]) : LaneTexts();
    parameters[4 * i] = std::move(texts.types);
    parameters[4 * i + 1] = std::move(texts.limit);
    parameters[4 * i + 2] = std::move(texts.cursor);
    parameters[4 * i + 3] = std::move(texts.bytes);
  }
  return parameters;
}

// Calls `call` with the lane parameters as so many arguments.
template <typename Call>
pqxx::result with_lanes(std::size_t variant, const std::vector<LaneRequest>& lanes, Call&& call) {
  switch (variant) {
    case 0:
      return std::apply(call, lane_parameters<lane_counts[0]>(lanes));
    case 1:
      return std::apply(call, lane_parameters<lane_counts[1]>(lanes));
    case 2:
      return std::apply(call, lane_parameters<lane_counts[2]>(lanes));
    default:
      return std::apply(call, lane_parameters<lane_counts[3]>(lanes));
  }
}

std::size_t lane_variant(std::size_t lanes) {
  std::size_t variant = 0;
  while (lane_counts[variant] < lanes) ++variant;
  return variant;
}

ClaimedJob claimed_job(const pqxx::row& row, std::int64_t claim) {
  ClaimedJob claimed;
  claimed.lane = row[3].as<std::size_t>();
  claimed.job.id = text_of(row[4]);
  claimed.job.type = text_of(row[5]);
  claimed.job.payload = text_of(row[6]);
  claimed.job.attempt = row[7].as<int>();
  claimed.job.created_at = parse_double(text_of(row[8]));
  claimed.job.place = text_of(row[9]);
  claimed.job.claim = claim;
  return claimed;
}

}  // namespace

PgClaims::PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump)
    : runtime_(runtime),
      pump_(pump),
      session_(target, statements(table)),
      sweep_start_(session_, give_back + 1) {}

Claimed PgClaims::claim(const std::vector<LaneRequest>& lanes) {
  if (lanes.size() > max_lanes) throw std::invalid_argument("a claim has at most 8 lanes");
  const auto sweeps = [](const LaneRequest& lane) { return !lane.cursor; };
  const bool sweep = std::any_of(lanes.begin(), lanes.end(), sweeps);
  const auto started = std::chrono::steady_clock::now();
  const pqxx::result rows = this->rows(sweep ? sweep_start_.narrowed(lanes) : lanes);
  if (sweep) sweep_start_.took(std::chrono::steady_clock::now() - started);
  if (!rows[0][1].as<bool>()) throw_fenced();
  Claimed claimed;
  claimed.asked_at = parse_double(text_of(rows[0][2]));
  if (rows[0][0].is_null()) return claimed;
  claimed.claim = rows[0][0].as<std::int64_t>();
  claimed.jobs.reserve(rows.size());
  for (const auto& row : rows) claimed.jobs.push_back(claimed_job(row, claimed.claim));
  return claimed;
}

pqxx::result PgClaims::rows(const std::vector<LaneRequest>& lanes) {
  return session_.link().use("claim jobs", [&](pqxx::connection& connection) {
    return session_.in_transaction(
        connection, false, [&](pqxx::transaction_base& transaction) { return claim(transaction, lanes); });
  });
}

pqxx::result PgClaims::claim(pqxx::transaction_base& transaction, const std::vector<LaneRequest>& lanes) {
  const std::size_t variant = lane_variant(lanes.size());
  try {
    return with_lanes(variant, lanes, [&](const auto&... parameters) {
      return session_.execute(transaction, variant, std::to_string(runtime_), std::to_string(pump_),
                              parameters...);
    });
  } catch (const pqxx::foreign_key_violation& error) {
    if (std::string_view(error.what()).find("claim_runtime_fkey") == std::string_view::npos) throw;
    throw_fenced();
  }
}

void PgClaims::throw_fenced() const {
  throw Fenced("runtime " + std::to_string(runtime_) + " is no longer enlisted in " +
               session_.link().description() + ": another runtime presumed it dead and took its claims");
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
