#include "store/pg_claims.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "base/text.hpp"
#include "store/pg_text.hpp"
#include "store/statements.hpp"

namespace sluice::store {

namespace {

using job::Settlement;

constexpr std::array<const char*, lane_counts.size()> exchange_names{"exchange_0", "exchange_1", "exchange_2",
                                                                     "exchange_4", "exchange_8"};

std::string array_of(const std::vector<std::int64_t>& numbers) {
  ArrayText array;
  for (const auto number : numbers) array.add(number);
  return array.str();
}

// The claims that `settlements` name and `closing` does not, each once.
std::string other_claims(const std::vector<const Settlement*>& settlements,
                         const std::vector<std::int64_t>& closing) {
  std::vector<std::int64_t> others;
  for (const auto* settlement : settlements) {
    if (!others.empty() && others.back() == settlement->claim) continue;
    if (std::find(closing.begin(), closing.end(), settlement->claim) == closing.end()) {
      others.push_back(settlement->claim);
    }
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  return array_of(others);
}

// A place that no row is at.
constexpr const char* nowhere = "(4294967295,0)";

struct PlainArrays {
  explicit PlainArrays(const std::vector<const Settlement*>& settlements) {
    for (const auto* settlement : settlements) {
      places.add(settlement->place.empty() ? nowhere : settlement->place);
      ids.add(settlement->id);
      claims.add(settlement->claim);
      attempts.add(std::int64_t{settlement->attempt});
    }
  }
  ArrayText places, ids, claims, attempts;
};

struct SpecialArrays {
  explicit SpecialArrays(const std::vector<Settlement>& settlements) {
    for (const auto& settlement : settlements) add(settlement);
  }

  void add(const Settlement& s) {
    ids.add(base::valid_utf8(s.id));
    claims.add(s.claim);
    attempts.add(std::int64_t{s.attempt});
    statuses.add(job::name(s.status));
    refunds.add_flag(s.refund);
    if (s.delay) {
      delays.add(bounded_microseconds(*s.delay));
    } else {
      delays.add_null();
    }
    types.add(base::valid_utf8(s.type));
    results.add(job::name(s.outcome.result));
    codes.add(base::valid_utf8(s.outcome.code));
    errors.add(base::valid_utf8(s.outcome.error));
    log_tails.add(base::valid_utf8(s.outcome.log_tail));
    if (s.outcome.output.empty()) {
      outputs.add_null();
    } else {
      outputs.add(base::valid_utf8(s.outcome.output));
    }
    durations.add(bounded_microseconds(s.outcome.duration));
  }

  ArrayText ids, claims, attempts, statuses, refunds, delays, types, results, codes, errors, log_tails,
      outputs, durations;
};

struct LaneTexts {
  std::string types = "{}";
  std::string limit = "0";
  std::string cursor = "Infinity";
};

LaneTexts lane_texts(const LaneRequest& lane) {
  ArrayText types;
  for (const auto& type : lane.types) types.add(base::valid_utf8(type));
  return {types.str(), std::to_string(std::max(lane.limit, 0)), cursor_text(lane.cursor)};
}

// The texts of `Count` lanes, three each; lanes that were not asked for take nothing.
template <std::size_t Count>
std::array<std::string, 3 * Count> lane_parameters(const std::vector<LaneRequest>& lanes) {
  std::array<std::string, 3 * Count> parameters;
  for (std::size_t i = 0; i < Count; ++i) {
    LaneTexts texts = i < lanes.size() ? lane_texts(lanes[i]) : LaneTexts();
    parameters[3 * i] = std::move(texts.types);
    parameters[3 * i + 1] = std::move(texts.limit);
    parameters[3 * i + 2] = std::move(texts.cursor);
  }
  return parameters;
}

// Calls `call` with the lane parameters as so many arguments.
template <typename Call>
pqxx::result with_lanes(std::size_t variant, const std::vector<LaneRequest>& lanes, Call&& call) {
  switch (variant) {
    case 0:
      return call();
    case 1:
      return std::apply(call, lane_parameters<lane_counts[1]>(lanes));
    case 2:
      return std::apply(call, lane_parameters<lane_counts[2]>(lanes));
    case 3:
      return std::apply(call, lane_parameters<lane_counts[3]>(lanes));
    default:
      return std::apply(call, lane_parameters<lane_counts[4]>(lanes));
  }
}

std::string text_of(const pqxx::field& field) {
  return std::string(field.c_str(), field.size());
}

std::size_t lane_variant(std::size_t lanes) {
  std::size_t variant = 0;
  while (lane_counts[variant] < lanes) ++variant;
  return variant;
}

ClaimedJob claimed_job(const pqxx::row& row, std::int64_t claim) {
  ClaimedJob claimed;
  claimed.lane = row[2].as<std::size_t>();
  claimed.job.id = text_of(row[3]);
  claimed.job.type = text_of(row[4]);
  claimed.job.payload = text_of(row[5]);
  claimed.job.attempt = row[6].as<int>();
  claimed.job.created_at = parse_double(text_of(row[7]));
  claimed.job.place = text_of(row[8]);
  claimed.job.claim = claim;
  return claimed;
}

bool is_data_error(const pqxx::failure& error) {
  const std::string state = sql_state(error);
  return state.starts_with("22") || state.starts_with("54");
}

// What is left of an outcome that the database does not take.
void reduce(Settlement& settlement, const std::string& why) {
  auto& outcome = settlement.outcome;
  const bool had_output = !outcome.output.empty();
  outcome.output.clear();
  outcome.code = ascii_only(outcome.code);
  outcome.log_tail = ascii_only(outcome.log_tail);
  outcome.error = ascii_only(outcome.error);
  if (!outcome.error.empty()) outcome.error += '\n';
  outcome.error += std::string("[sluice: the database refused this outcome") +
                   (had_output ? ", so its output was left out: " : ": ") + ascii_only(why) + "]";
}

}  // namespace

PgClaims::PgClaims(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump)
    : runtime_(runtime),
      pump_(pump),
      finish_sql_(finish_statement(table)),
      settle_sql_(settle_statement(table)),
      give_back_sql_(give_back_statement(table)),
      link_(target, [this](pqxx::connection& connection) { prepare(connection); }) {
  for (const auto lanes : lane_counts) exchange_sql_.push_back(exchange_statement(table, lanes));
}

void PgClaims::prepare(pqxx::connection& connection) {
  if (link_.pooled()) return;
  if (!lost_) lost_ = std::exchange(backend_, std::nullopt);
  pqxx::nontransaction session(connection);
  session.exec(pump_settings("SET"));
  const pqxx::result backend = session.exec(
      "SELECT pg_backend_pid(), date_part('epoch', backend_start) FROM "
      "pg_stat_get_activity(pg_backend_pid())");
  if (!backend.empty()) backend_ = Backend{backend[0][0].as<int>(), text_of(backend[0][1])};
  for (std::size_t i = 0; i < lane_counts.size(); ++i)
    connection.prepare(exchange_names[i], exchange_sql_[i]);
  connection.prepare("finish", finish_sql_);
  connection.prepare("settle", settle_sql_);
  connection.prepare("give_back", give_back_sql_);
}

template <typename... Parameters>
pqxx::result PgClaims::execute(pqxx::transaction_base& transaction, const char* name, const std::string& sql,
                               const Parameters&... parameters) {
  if (link_.pooled()) return transaction.exec_params(sql, parameters...);
  return transaction.exec_prepared(name, parameters...);
}

template <typename Step>
auto PgClaims::in_transaction(pqxx::connection& connection, bool atomic, Step&& step) {
  if (!atomic && !link_.pooled()) {
    pqxx::nontransaction transaction(connection);
    return step(transaction);
  }
  pqxx::work transaction(connection);
  link_.limit(transaction);
  if (link_.pooled()) transaction.exec(pump_settings("SET LOCAL"));
  auto answer = step(transaction);
  transaction.commit();
  return answer;
}

Exchanged PgClaims::exchange(const ExchangeRequest& request) {
  if (request.lanes.size() > max_lanes) throw std::invalid_argument("an exchange has at most 8 lanes");
  std::vector<const Settlement*> plain;
  std::vector<Settlement> special;
  for (const auto& settlement : request.settlements) {
    if (settlement.plain()) {
      plain.push_back(&settlement);
    } else {
      special.push_back(settlement);
    }
  }
  return run(request, special, plain);
}

Exchanged PgClaims::run(const ExchangeRequest& request, const std::vector<Settlement>& special,
                        const std::vector<const Settlement*>& plain) {
  const std::string closing = array_of(request.closing);
  const bool exchanging = !plain.empty() || !request.closing.empty() || !request.lanes.empty();
  std::size_t settled = 0;
  bool poisoned = false;
  Exchanged exchanged = link_.use("finish and claim jobs", [&](pqxx::connection& connection) {
    try {
      return in_transaction(
          connection, !special.empty() && exchanging, [&](pqxx::transaction_base& transaction) {
            settled = special.empty() ? 0 : settle(transaction, special, closing);
            return exchanging ? finish_and_claim(transaction, request, plain, closing) : Exchanged();
          });
    } catch (const pqxx::failure& error) {
      if (special.empty() || !is_data_error(error)) throw;
      poisoned = true;
      return Exchanged();
    }
  });
  if (poisoned) {
    settled = settle_singly(special, closing);
    if (exchanging) exchanged = run(request, {}, plain);
  }
  exchanged.dropped += special.size() - settled;
  return exchanged;
}

std::size_t PgClaims::settle(pqxx::transaction_base& transaction, const std::vector<Settlement>& settlements,
                             const std::string& closing) {
  const SpecialArrays a(settlements);
  const pqxx::result answer = execute(
      transaction, "settle", settle_sql_, std::to_string(runtime_), closing, a.ids.str(), a.claims.str(),
      a.attempts.str(), a.statuses.str(), a.refunds.str(), a.delays.str(), a.types.str(), a.results.str(),
      a.codes.str(), a.errors.str(), a.log_tails.str(), a.outputs.str(), a.durations.str());
  return answer[0][0].as<std::size_t>();
}

std::size_t PgClaims::settle_singly(const std::vector<Settlement>& settlements, const std::string& closing) {
  std::size_t settled = 0;
  for (const auto& settlement : settlements) settled += settle_one(settlement, closing);
  return settled;
}

std::size_t PgClaims::settle_one(Settlement settlement, const std::string& closing) {
  return link_.use("write the outcome of a job", [&](pqxx::connection& connection) {
    const auto step = [&](pqxx::transaction_base& transaction) {
      return settle(transaction, {settlement}, closing);
    };
    try {
      return in_transaction(connection, false, step);
    } catch (const pqxx::failure& error) {
      if (!is_data_error(error)) throw;
      reduce(settlement, server_message(error.what()));
    }
    return in_transaction(connection, false, step);
  });
}

Exchanged PgClaims::finish_and_claim(pqxx::transaction_base& transaction, const ExchangeRequest& request,
                                     const std::vector<const Settlement*>& plain,
                                     const std::string& closing) {
  const PlainArrays a(plain);
  const std::string others = other_claims(plain, request.closing);
  const std::string runtime = std::to_string(runtime_);
  const std::size_t variant = lane_variant(request.lanes.size());
  pqxx::result rows;
  try {
    rows = with_lanes(variant, request.lanes, [&](const auto&... lanes) {
      return execute(transaction, exchange_names.at(variant), exchange_sql_[variant], a.places.str(),
                     a.ids.str(), a.claims.str(), a.attempts.str(), closing, others, runtime,
                     std::to_string(pump_), lanes...);
    });
  } catch (const pqxx::foreign_key_violation& error) {
    if (std::string_view(error.what()).find("claim_runtime_fkey") == std::string_view::npos) throw;
    throw_fenced();
  }
  if (variant > 0 && !rows[0][9].as<bool>()) throw_fenced();
  Exchanged exchanged;
  auto finished = rows[0][0].as<std::size_t>();
  if (finished < plain.size()) {
    finished += execute(transaction, "finish", finish_sql_, a.ids.str(), a.claims.str(), a.attempts.str(),
                        closing, others, runtime)[0][0]
                    .as<std::size_t>();
  }
  exchanged.dropped = plain.size() - finished;
  if (rows[0][1].is_null()) return exchanged;
  exchanged.claim = rows[0][1].as<std::int64_t>();
  exchanged.jobs.reserve(rows.size());
  for (const auto& row : rows) exchanged.jobs.push_back(claimed_job(row, exchanged.claim));
  return exchanged;
}

void PgClaims::throw_fenced() const {
  throw Fenced("runtime " + std::to_string(runtime_) + " is no longer enlisted in " + link_.description() +
               ": another runtime presumed it dead and took its claims");
}

// The server may not have noticed that its client is gone, and still commit the lost statement later,
// when nobody would look for its claim any more. Where we lack the right to end it, it has to be left.
void PgClaims::end_lost_backend(pqxx::connection& connection) {
  const auto lost = std::exchange(lost_, std::nullopt);
  if (!lost) return;
  constexpr int most_looks = 50;
  for (int look = 0; look < most_looks; ++look) {
    pqxx::nontransaction session(connection);
    try {
      const auto alive = session.exec_params(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity($1::int) "
          "WHERE date_part('epoch', backend_start) = $2::float8",
          std::to_string(lost->pid), lost->started);
      if (alive.empty()) return;
    } catch (const pqxx::insufficient_privilege&) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

std::vector<std::int64_t> PgClaims::reconcile(const std::vector<std::int64_t>& known) {
  return link_.use("reconcile claims", [&](pqxx::connection& connection) {
    end_lost_backend(connection);
    return in_transaction(connection, true, [&](pqxx::transaction_base& transaction) {
      const std::string runtime = std::to_string(runtime_);
      execute(transaction, "give_back", give_back_sql_, runtime, std::to_string(pump_), array_of(known));
      std::vector<std::int64_t> living;
      const auto rows = transaction.exec_params(
          "SELECT id FROM sluice.claim WHERE runtime = $1::bigint AND id = ANY ($2::bigint[]) ORDER BY id",
          runtime, array_of(known));
      for (const auto& row : rows) living.push_back(row[0].template as<std::int64_t>());
      return living;
    });
  });
}

}  // namespace sluice::store
