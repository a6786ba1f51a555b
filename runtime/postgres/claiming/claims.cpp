#include "postgres/claiming/claims.hpp"

#include <iterator>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "base/text.hpp"
#include "postgres/claiming/lane_parameters.hpp"
#include "postgres/finishing/refusal.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

/// The statements: claims for each of lane_counts, the same ones with marking, then these.
constexpr std::size_t marking = lane_counts.size();
constexpr std::size_t give_back = 2 * lane_counts.size();

std::vector<Statement> statements(const TableName& table) {
  std::vector<Statement> all;
  std::vector<Statement> searches = SweepStart::statements(table);
  all.reserve(give_back + 1 + searches.size());
  for (const bool mark : {false, true}) {
    for (const auto lanes : lane_counts) {
      all.push_back(
          {(mark ? "claim_marked_" : "claim_") + std::to_string(lanes), claim_statement(table, lanes, mark)});
    }
  }
  all.push_back({"give_back", sql("give_back", table)});
  std::move(searches.begin(), searches.end(), std::back_inserter(all));
  return all;
}

/// Since when the row has been pending, by this process's clock. `age`: how long ago that was when the claim
/// was asked for; it may be infinite, or negative if another clock wrote the row.
base::Clock::time_point pending_since(base::Clock::time_point now, double age) {
  constexpr double longest = 1e9;  // seconds
  const std::chrono::duration<double> ago(age > 0 ? std::min(age, longest) : 0);
  return now - std::chrono::duration_cast<base::Clock::duration>(ago);
}

ClaimedJob claimed_job(const pqxx::row& row, std::int64_t claim) {
  ClaimedJob claimed;
  claimed.lane = row[0].as<std::size_t>();
  claimed.job.id = text_of(row[1]);
  claimed.job.type = text_of(row[2]);
  claimed.job.payload = text_of(row[3]);
  claimed.job.attempt = row[4].as<int>();
  claimed.job.created_at = parse_double(text_of(row[5]));
  claimed.job.place = text_of(row[6]);
  claimed.job.claim = claim;
  return claimed;
}

bool is_text(const std::string& bytes) {
  return base::valid_utf8(bytes) == bytes;
}

/// The codes in the first row of a claim's result, in the attempt's column. 1 means success.
constexpr int not_enlisted = 0;
constexpr int rivalled = 2;

/// A row of sluice.claim could not be written because its runtime is no longer enlisted.
bool is_fenced(const pqxx::sql_error& error) {
  return std::string_view(error.what()).find("claim_runtime_fkey") != std::string_view::npos;
}

[[noreturn]] void throw_fenced(RuntimeId runtime, const std::string& where) {
  throw Fenced("runtime " + std::to_string(runtime) + " is no longer enlisted in " + where +
               ", because another runtime presumed it dead and took over its claims");
}

}  // namespace

PgClaims::PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump,
                   bool mark, bool listens)
    : runtime_(runtime),
      pump_(pump),
      mark_(mark),
      surrender_(sql("surrender", table)),
      session_(target, statements(table), "", PgWakes::on_open(listens)),
      sweep_start_(session_, give_back + 1),
      wakes_(session_, table, listens) {}

Claimed PgClaims::claim(const std::vector<LaneRequest>& lanes, bool durable) {
  return sweep_start_.around(lanes, [&](const auto& narrowed) { return take(narrowed, durable); });
}

/// A table may refuse that its rows are marked, but not that they are claimed.
Claimed PgClaims::take(const std::vector<LaneRequest>& lanes, bool durable) {
  return session_.link().use("claim jobs", [&](pqxx::connection& connection) {
    try {
      return read(ask(connection, lanes, durable, mark_));
    } catch (const pqxx::sql_error& error) {
      if (!mark_ || is_fenced(error) || !still_answers(connection)) throw;
      log::error(
          "the database refuses to give claimed jobs status processing; the jobs run nevertheless, and keep "
          "status pending meanwhile",
          {{"reason", server_message(error.what())}});
    }
    return read(ask(connection, lanes, durable, false));
  });
}

pqxx::result PgClaims::ask(pqxx::connection& connection, const std::vector<LaneRequest>& lanes, bool durable,
                           bool mark) {
  // Behind a pool, the server may be a different one by now.
  if (session_.link().pooled() || look_.connection != session_.connections()) {
    look_ = {session_.connections(), "{}", "0"};
  }
  try {
    return session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      return with_lanes(lanes, [&](const auto&... parameters) {
        return session_.execute(transaction, lane_variant(lanes.size()) + (mark ? marking : 0),
                                std::to_string(runtime_), std::to_string(pump_), mark ? "t" : "f",
                                durable ? "t" : "f", look_.open, look_.since, parameters...);
      });
    });
  } catch (const pqxx::foreign_key_violation& error) {
    if (!is_fenced(error)) throw;
    throw_fenced(runtime_, session_.link().description());
  }
}

Claimed PgClaims::read(const pqxx::result& rows) {
  const pqxx::row head = rows[0];
  const int verdict = head[4].as<int>();
  if (verdict == not_enlisted) throw_fenced(runtime_, session_.link().description());
  look_.since = text_of(head[2]);
  look_.open = head[3].is_null() ? "{}" : text_of(head[3]);
  Claimed claimed;
  claimed.asked_at = parse_double(text_of(head[5]));
  claimed.is_rivalled = verdict == rivalled;
  if (head[1].is_null()) return claimed;
  claimed.claim = head[1].as<std::int64_t>();
  claimed.jobs.reserve(rows.size() - 1);
  const auto now = base::Clock::now();
  for (pqxx::result::size_type i = 1; i < rows.size(); ++i) {
    claimed.jobs.push_back(claimed_job(rows[i], claimed.claim));
    const double age = claimed.asked_at - parse_double(text_of(rows[i][7]));
    claimed.jobs.back().job.pending_since = pending_since(now, age);
  }
  if (!session_.link().unencoded()) return claimed;
  for (ClaimedJob& one : claimed.jobs) one.unreadable = !is_text(one.job.id) || !is_text(one.job.payload);
  return claimed;
}

void PgClaims::reconcile(const std::vector<std::int64_t>& known, std::int64_t newest) {
  session_.link().use("reconcile claims", [&](pqxx::connection& connection) {
    session_.end_lost_backend(connection);
    session_.in_transaction(connection, true, [&](pqxx::transaction_base& transaction) {
      transaction.exec("SET LOCAL lock_timeout = '300ms'");
      const auto ended = exec(
          transaction,
          "SELECT array_agg(id)::text FROM sluice.claim WHERE runtime = $1::bigint AND pump = $2::int "
          "AND id <> ALL ($3::bigint[]) AND id <= $4::bigint",
          std::to_string(runtime_), std::to_string(pump_), array_text(known), std::to_string(newest))[0][0];
      if (!ended.is_null()) exec(transaction, surrender_, text_of(ended));
      return session_.execute(transaction, give_back, std::to_string(runtime_), std::to_string(pump_),
                              array_text(known));
    });
  });
}

}  // namespace sluice::postgres
