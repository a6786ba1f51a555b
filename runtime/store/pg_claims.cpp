#include "store/pg_claims.hpp"

#include <map>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "store/claim_rows.hpp"
#include "store/lane_parameters.hpp"
#include "store/pg_attempt.hpp"
#include "store/pg_exec.hpp"
#include "store/pg_text.hpp"

namespace sluice::store {

namespace {

/// So many refused rows one after the other, and none that is taken, are the table's or the server's.
constexpr std::size_t enough_refusals = 20;

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
    : table_(table),
      runtime_(runtime),
      pump_(pump),
      session_(target, statements(table)),
      sweep_start_(session_, give_back + 1) {}

/// A batch of which a row was refused.
struct PgClaims::Care {
  pqxx::work& work;
  std::vector<ClaimedJob> picked;  ///< locked, and pending as yet
  std::vector<ClaimedJob> taken{};
  std::size_t others = 0;  ///< rows behind them that were tried, and refused like them
  std::vector<std::pair<std::size_t, std::string>> refused{};  ///< index of a picked one, and why

  bool hopeless() const { return taken.empty() && refused.size() >= enough_refusals; }
};

Claimed PgClaims::claim(const std::vector<LaneRequest>& lanes) {
  return sweep_start_.around(lanes, [&](const auto& narrowed) { return take(narrowed); });
}

Claimed PgClaims::take(const std::vector<LaneRequest>& lanes) {
  return session_.link().use("claim jobs", [&](pqxx::connection& connection) {
    try {
      return take_at_once(connection, lanes);
    } catch (const pqxx::sql_error&) {
      if (!still_answers(connection)) throw;
    }
    return take_with_care(connection, lanes);
  });
}

Claimed PgClaims::read(const pqxx::result& rows) const {
  return read_claimed(rows, runtime_, session_.link().description(), session_.link().unencoded());
}

Claimed PgClaims::take_at_once(pqxx::connection& connection, const std::vector<LaneRequest>& lanes) {
  Claimed claimed = read(session_.in_transaction(connection, false, [&](pqxx::transaction_base& transaction) {
    return unless_fenced(runtime_, session_.link().description(), [&] {
      return with_lanes(lanes, [&](const auto&... parameters) {
        return session_.execute(transaction, lane_variant(lanes.size()), std::to_string(runtime_),
                                std::to_string(pump_), parameters...);
      });
    });
  }));
  took_ = took_ || !claimed.jobs.empty();
  return claimed;
}

/// The same rows, locked first, and then claimed in parts until those that are refused are alone.
Claimed PgClaims::take_with_care(pqxx::connection& connection, const std::vector<LaneRequest>& lanes) {
  pqxx::work work(connection);
  session_.begin(work);
  Claimed claimed = pick(work, lanes);
  Care care{work, std::exchange(claimed.jobs, {})};
  if (!care.picked.empty()) keep(care, 0, care.picked.size());
  if (!care.taken.empty()) {
    took_ = true;
  } else if (!care.refused.empty() && (!took_ || care.hopeless())) {
    took_ = others_can_be_claimed(care, lanes);
  }
  claimed.unclaimable = write_unclaimable(care);
  work.commit();
  claimed.jobs = std::move(care.taken);
  claimed.claim = claimed.jobs.empty() ? 0 : claimed.jobs.front().job.claim;
  return claimed;
}

/// What the database says to `step()`, of which nothing is left then; none where it takes it.
template <typename Step>
std::optional<std::string> PgClaims::refusal(pqxx::work& work, Step&& step) {
  work.exec("SAVEPOINT part");
  try {
    step();
    work.exec("RELEASE SAVEPOINT part");
    return std::nullopt;
  } catch (const pqxx::sql_error& error) {
    work.exec("ROLLBACK TO SAVEPOINT part");
    return server_message(error.what());
  }
}

/// Locks rows, and leaves them pending.
Claimed PgClaims::pick(pqxx::work& work, const std::vector<LaneRequest>& lanes) {
  const std::string sql = brief_claim_statement(table_, lane_counts[lane_variant(lanes.size())]);
  return read(with_lanes(lanes, [&](const auto&... parameters) {
    return exec(work, sql, std::to_string(runtime_), std::to_string(pump_), parameters...);
  }));
}

/// A claim of these.
PgClaims::KeptRows PgClaims::keep_rows(pqxx::work& work, std::span<const ClaimedJob> picked) {
  ArrayText places, ids;
  for (const ClaimedJob& one : picked) {
    places.add(one.job.place);
    ids.add(one.job.id);
  }
  KeptRows kept;
  for (const auto& row : exec(work, brief_keep_statement(table_), std::to_string(runtime_),
                              std::to_string(pump_), places.str(), ids.str())) {
    kept[text_of(row[1])] = {row[0].as<std::int64_t>(), text_of(row[2])};
  }
  return kept;
}

void PgClaims::keep(Care& care, std::size_t begin, std::size_t end) {
  KeptRows kept;
  const auto refused = refusal(care.work, [&] {
    kept = keep_rows(care.work, {care.picked.data() + begin, end - begin});
  });
  if (refused && end - begin > 1) {
    const std::size_t middle = begin + (end - begin) / 2;
    if (!care.hopeless()) keep(care, begin, middle);
    if (!care.hopeless()) keep(care, middle, end);
    return;
  }
  if (refused) {
    care.refused.emplace_back(begin, *refused);
    return;
  }
  for (std::size_t i = begin; i < end; ++i) {
    const auto found = kept.find(care.picked[i].job.id);
    if (found == kept.end()) continue;
    care.taken.push_back(care.picked[i]);
    std::tie(care.taken.back().job.claim, care.taken.back().job.place) = found->second;
  }
}

/// Whether the table takes a claim of a row that comes later; none is made.
bool PgClaims::others_can_be_claimed(Care& care, std::vector<LaneRequest> lanes) {
  for (LaneRequest& lane : lanes) lane.limit += static_cast<int>(enough_refusals);
  const std::size_t tried = care.picked.size();
  const std::vector<ClaimedJob> more = pick(care.work, lanes).jobs;
  for (std::size_t i = tried; i < more.size(); ++i) {
    care.work.exec("SAVEPOINT trial");
    const auto refused = refusal(care.work, [&] { keep_rows(care.work, {&more[i], 1}); });
    care.work.exec("ROLLBACK TO SAVEPOINT trial");
    if (!refused) return true;
    ++care.others;
  }
  return false;
}

/// What can't be claimed would be in the way again and again. Where nothing else can be claimed it is the
/// table that takes no claims, and where nothing else is there it may be: then its jobs are left as they are.
std::vector<Unclaimable> PgClaims::write_unclaimable(Care& care) {
  std::vector<Unclaimable> unclaimable;
  for (const auto& one : care.refused) {
    const job::Job& job = care.picked[one.first].job;
    const std::string& why = one.second;
    if (!took_ && care.others > 0) {
      throw Refused("could not claim job '" + job.id + "' in " + session_.link().description() + ": " + why);
    }
    const auto write = [&] {
      exec(care.work, unclaimable_statement(table_), job.place, job.id,
           base::valid_utf8("the database refused that the job is claimed: " + why),
           std::to_string(runtime_));
    };
    const bool in_error = took_ && !refusal(care.work, write);
    const bool is_new = in_error || left_.insert(job.id).second;
    unclaimable.push_back(
        {care.picked[one.first].lane, job.created_at, job.id, job.type, is_new ? why : "", in_error});
  }
  return unclaimable;
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
