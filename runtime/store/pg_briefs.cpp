#include "store/pg_briefs.hpp"

#include <algorithm>
#include <iterator>

#include "store/claim_rows.hpp"
#include "store/lane_parameters.hpp"
#include "store/pg_text.hpp"

namespace sluice::store {

namespace {

enum : std::size_t { mark_done = lane_counts.size(), keep_locked, lock_again, give_back, sweep_start };

std::vector<Statement> statements(const TableName& table) {
  std::vector<Statement> all;
  std::vector<Statement> searches = SweepStart::statements(table);
  all.reserve(sweep_start + searches.size());
  for (const auto lanes : lane_counts) {
    all.push_back({"brief_claim_" + std::to_string(lanes), brief_claim_statement(table, lanes)});
  }
  all.push_back({"brief_done", brief_done_statement(table)});
  all.push_back({"brief_keep", brief_keep_statement(table)});
  all.push_back({"brief_relock", brief_relock_statement(table)});
  all.push_back({"brief_give_back", give_back_statement(table)});
  std::move(searches.begin(), searches.end(), std::back_inserter(all));
  return all;
}

/// Where the jobs are and which they are, as arrays.
struct Rows {
  explicit Rows(const std::vector<job::Job>& jobs) {
    for (const auto& job : jobs) {
      places.add(job.place);
      ids.add(job.id);
    }
  }
  ArrayText places, ids;
};

}  // namespace

PgBriefs::PgBriefs(const ConnectionString& target, const TableName& table, RuntimeId runtime, int pump)
    : runtime_(runtime),
      pump_(pump),
      session_(target, statements(table)),
      sweep_start_(session_, sweep_start) {}

PgBriefs::~PgBriefs() = default;

/// As Link::use; the transaction does not outlive what goes wrong in it.
template <typename Work>
auto PgBriefs::use(std::string_view what, Work&& work) {
  return session_.link().use(what, [&](pqxx::connection& connection) {
    try {
      return work(connection);
    } catch (...) {
      open_.reset();
      throw;
    }
  });
}

void PgBriefs::begin(pqxx::connection& connection) {
  open_.reset();
  open_ = std::make_unique<pqxx::work>(connection);
  session_.begin(*open_);
}

Claimed PgBriefs::claim(const std::vector<LaneRequest>& lanes) {
  open_.reset();
  return sweep_start_.around(lanes, [&](const auto& narrowed) { return lock(narrowed); });
}

Claimed PgBriefs::lock(const std::vector<LaneRequest>& lanes) {
  return use("lock jobs", [&](pqxx::connection& connection) {
    begin(connection);
    const pqxx::result rows = with_lanes(lanes, [&](const auto&... parameters) {
      return session_.execute(*open_, lane_variant(lanes.size()), std::to_string(runtime_),
                              std::to_string(pump_), parameters...);
    });
    Claimed claimed =
        read_claimed(rows, runtime_, session_.link().description(), session_.link().unencoded());
    if (claimed.jobs.empty()) open_.reset();
    return claimed;
  });
}

Kept PgBriefs::end(const std::vector<job::Job>& done, const std::vector<job::Job>& kept) {
  return use("finish locked jobs", [&](pqxx::connection&) {
    if (!open_) throw Unavailable("the transaction that locked the jobs is over");
    if (!done.empty()) mark(done);
    Kept answer = kept.empty() ? Kept() : keep(kept);
    open_->commit();
    open_.reset();
    return answer;
  });
}

void PgBriefs::mark(const std::vector<job::Job>& done) {
  const Rows rows(done);
  const auto written = session_.execute(*open_, mark_done, rows.places.str(), rows.ids.str()).affected_rows();
  if (written == static_cast<pqxx::result::size_type>(done.size())) return;
  throw Refused("could not mark locked jobs done in " + session_.link().description() + ": the table took " +
                std::to_string(written) + " of " + std::to_string(done.size()) +
                " rows; look for a trigger or a policy that holds updates back");
}

Kept PgBriefs::keep(const std::vector<job::Job>& jobs) {
  const Rows rows(jobs);
  const pqxx::result answer = unless_fenced(runtime_, session_.link().description(), [&] {
    return session_.execute(*open_, keep_locked, std::to_string(runtime_), std::to_string(pump_),
                            rows.places.str(), rows.ids.str());
  });
  Kept kept;
  for (const auto& row : answer) {
    kept.claim = row[0].as<std::int64_t>();
    kept.places.emplace(text_of(row[1]), text_of(row[2]));
  }
  return kept;
}

std::map<std::string, std::string> PgBriefs::relock(const std::vector<job::Job>& jobs,
                                                    const std::vector<std::int64_t>& known) {
  ArrayText ids, attempts;
  for (const auto& job : jobs) {
    ids.add(job.id);
    attempts.add(std::int64_t{job.attempt});
  }
  return use("lock jobs again", [&](pqxx::connection& connection) {
    open_.reset();
    session_.end_lost_backend(connection);
    begin(connection);
    session_.execute(*open_, give_back, std::to_string(runtime_), std::to_string(pump_), array_text(known));
    std::map<std::string, std::string> places;
    for (const auto& row : session_.execute(*open_, lock_again, ids.str(), attempts.str())) {
      places.emplace(text_of(row[0]), text_of(row[1]));
    }
    if (!places.empty()) return places;
    open_->commit();
    open_.reset();
    return places;
  });
}

}  // namespace sluice::store
