#include "store/pg_finishes.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "store/effect_function.hpp"
#include "store/pg_exec.hpp"
#include "store/pg_text.hpp"

namespace sluice::store {

namespace {

using job::Settlement;

enum : std::size_t { finish_in_place, finish_moved, settle_special };

std::vector<Statement> statements(const TableName& table) {
  return {{"finish_in_place", finish_in_place_statement(table)},
          {"finish", finish_statement(table)},
          {"settle", settle_statement(table)}};
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
  return array_text(others);
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
    places.add(s.place.empty() ? nowhere : s.place);
  }

  ArrayText ids, claims, attempts, statuses, refunds, delays, types, results, codes, errors, log_tails,
      outputs, durations, places;
};

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

PgFinishes::PgFinishes(const ConnectionString& target, const TableName& table)
    : session_(target, statements(table)) {}

std::size_t PgFinishes::finish(const std::vector<Settlement>& settlements,
                               const std::vector<std::int64_t>& closing) {
  std::vector<const Settlement*> plain;
  std::vector<Settlement> special;
  for (const auto& settlement : settlements) {
    if (settlement.plain()) {
      plain.push_back(&settlement);
    } else {
      special.push_back(settlement);
    }
  }
  return settlements.size() - write(special, plain, closing);
}

std::size_t PgFinishes::write(const std::vector<Settlement>& special,
                              const std::vector<const Settlement*>& plain,
                              const std::vector<std::int64_t>& closing) {
  const std::string closing_array = array_text(closing);
  const bool marking = !plain.empty() || !closing.empty();
  const auto written = session_.link().use("finish jobs", [&](pqxx::connection& connection) {
    const auto step = [&](pqxx::transaction_base& transaction) -> std::optional<std::size_t> {
      const std::size_t settled = special.empty() ? 0 : settle(transaction, special, closing_array);
      return settled + (marking ? mark_done(transaction, plain, closing) : 0);
    };
    try {
      return session_.in_transaction(connection, !special.empty() && marking, step);
    } catch (const pqxx::failure& error) {
      if (special.empty() || !is_data_error(error)) throw;
      return std::optional<std::size_t>();
    }
  });
  if (written) return *written;
  const std::size_t settled = settle_singly(special, closing_array);
  return settled + (marking ? write({}, plain, closing) : 0);
}

std::size_t PgFinishes::mark_done(pqxx::transaction_base& transaction,
                                  const std::vector<const Settlement*>& plain,
                                  const std::vector<std::int64_t>& closing) {
  const PlainArrays a(plain);
  const std::string closing_array = array_text(closing);
  const std::string others = other_claims(plain, closing);
  const auto count = [](const pqxx::result& answer) { return answer[0][0].as<std::size_t>(); };
  const std::size_t in_place =
      count(session_.execute(transaction, finish_in_place, a.places.str(), a.ids.str(), a.claims.str(),
                             a.attempts.str(), closing_array, others));
  if (in_place == plain.size()) return in_place;
  return in_place + count(session_.execute(transaction, finish_moved, a.ids.str(), a.claims.str(),
                                           closing_array, others));
}

std::size_t PgFinishes::settle(pqxx::transaction_base& transaction,
                               const std::vector<Settlement>& settlements, const std::string& closing) {
  const SpecialArrays a(settlements);
  const pqxx::result answer = session_.execute(
      transaction, settle_special, closing, a.ids.str(), a.claims.str(), a.attempts.str(), a.statuses.str(),
      a.refunds.str(), a.delays.str(), a.types.str(), a.results.str(), a.codes.str(), a.errors.str(),
      a.log_tails.str(), a.outputs.str(), a.durations.str(), a.places.str());
  return answer[0][0].as<std::size_t>();
}

std::size_t PgFinishes::settle_singly(const std::vector<Settlement>& settlements,
                                      const std::string& closing) {
  std::size_t settled = 0;
  for (const auto& settlement : settlements) settled += settle_one(settlement, closing);
  return settled;
}

std::size_t PgFinishes::settle_one(Settlement settlement, const std::string& closing) {
  return session_.link().use("write the outcome of a job", [&](pqxx::connection& connection) {
    const auto step = [&](pqxx::transaction_base& transaction) {
      return settle(transaction, {settlement}, closing);
    };
    try {
      return session_.in_transaction(connection, false, step);
    } catch (const pqxx::failure& error) {
      if (!is_data_error(error)) throw;
      reduce(settlement, server_message(error.what()));
    }
    return session_.in_transaction(connection, false, step);
  });
}

Committed PgFinishes::commit(const std::vector<Settlement>& settlements) {
  return session_.link().use("commit the effects of jobs", [&](pqxx::connection& connection) {
    Committed committed;
    std::size_t applied = 0;
    pqxx::work work(connection);
    session_.link().limit(work);
    // One that waits would hold up the outcomes of all others.
    work.exec("SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'");
    for (std::size_t i = 0; i < settlements.size(); ++i) {
      if (auto rejected = commit_one(work, settlements[i], applied)) {
        rejected->index = i;
        committed.rejected.push_back(std::move(*rejected));
      }
    }
    work.commit();
    committed.dropped = settlements.size() - applied - committed.rejected.size();
    return committed;
  });
}

// In a savepoint, so that what fails costs this job alone.
std::optional<Rejected> PgFinishes::commit_one(pqxx::work& work, const Settlement& settlement,
                                               std::size_t& applied) {
  work.exec("SAVEPOINT job");
  try {
    const bool ours = settle(work, {settlement}, "{}") > 0;
    if (ours) {
      for (const auto& job : settlement.outcome.follow_ups) enqueue(work, job);
      for (const auto& effect : settlement.outcome.effects) execute(work, effect, settlement.role);
    }
    work.exec("RELEASE SAVEPOINT job");
    if (ours) ++applied;
    return std::nullopt;
  } catch (const pqxx::sql_error& error) {
    const std::string state = sql_state(error);  // which the driver does not know for every error
    const bool took_too_long = state == "57014" || state == "55P03";
    if (is_passing(state) && !took_too_long) throw;
    work.exec("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job");
    return Rejected{0, state.empty() ? "effect" : "effect-" + state, server_message(error.what())};
  }
}

void PgFinishes::enqueue(pqxx::transaction_base& transaction, const job::FollowUp& job) {
  const std::string key = base::valid_utf8(job.unique_key);
  exec(transaction,
       "SELECT FROM sluice.enqueue_job($1::text, $2::jsonb, make_interval(secs => $3::bigint / 1e6), "
       "$4::text)",
       base::valid_utf8(job.type), base::valid_utf8(job.payload),
       std::to_string(bounded_microseconds(job.delay)), key.empty() ? nullptr : key.c_str());
}

void PgFinishes::execute(pqxx::transaction_base& transaction, const job::Effect& effect,
                         const std::string& role) {
  ArrayText parameters;
  for (const auto& parameter : effect.parameters) {
    if (parameter) {
      parameters.add(base::valid_utf8(*parameter));
    } else {
      parameters.add_null();
    }
  }
  exec(transaction, "SELECT " + effect_function(role) + "($1::text, $2::text[])",
       base::valid_utf8(effect.sql), parameters.str());
}

std::vector<std::int64_t> PgFinishes::living(const std::vector<std::int64_t>& claims) {
  return session_.link().use("look for claims", [&](pqxx::connection& connection) {
    session_.end_lost_backend(connection);
    return session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
      std::vector<std::int64_t> living;
      const auto rows =
          exec(transaction, "SELECT id FROM sluice.claim WHERE id = ANY ($1::bigint[]) ORDER BY id",
               array_text(claims));
      for (const auto& row : rows) living.push_back(row[0].template as<std::int64_t>());
      return living;
    });
  });
}

}  // namespace sluice::store
