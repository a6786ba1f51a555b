#include "postgres/insight/type_overviews.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "postgres/desk/job_rows.hpp"
#include "postgres/insight/series.hpp"
#include "postgres/insight/version_outcomes.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

class Overviews {
 public:
  Overviews(pqxx::transaction_base& transaction, const TableName& table)
      : transaction_(transaction), table_(table) {}

  std::vector<TypeOverview> read() {
    read_served();
    read_depths();
    read_paused();
    for (auto& [type, outcomes] : read_last_hour(transaction_)) of(type).last_hour = outcomes;
    read_minutes();
    read_serving();
    note_more();
    std::vector<TypeOverview> all;
    all.reserve(types_.size());
    for (auto& [type, overview] : types_) all.push_back(std::move(overview));
    return all;
  }

 private:
  using Member = Counted TypeOverview::*;

  TypeOverview& of(const std::string& type) {
    TypeOverview& overview = types_[type];
    overview.type = type;
    return overview;
  }

  void read_served() {
    for (const auto& row : transaction_.exec(sql("served_types"))) {
      TypeOverview& overview = of(text_of(row[0]));
      overview.plugin = text_of(row[1]);
      overview.plugin_version = text_of(row[2]);
      overview.served = row[3].as<bool>();
      overview.limits = text_of(row[4]);
    }
  }

  void read_depths() {
    for (const auto& row : exec(transaction_, sql("depths", table_), std::to_string(most_counted + 1))) {
      TypeOverview& overview = of(text_of(row[0]));
      const std::string status = text_of(row[1]);
      const auto jobs = row[2].as<std::int64_t>();
      (overview.*members_.at(status)).count = std::min(jobs, most_counted);
      read_[status] += jobs;
      if (status == "pending") overview.oldest_pending = parse_double(text_of(row[3]));
    }
  }

  /// If not all rows of a status were read, any type may have more.
  void note_more() {
    for (const auto& [status, member] : members_) {
      const bool more = read_[status] > most_counted;
      for (auto& [type, overview] : types_) (overview.*member).more = more;
    }
  }

  void read_paused() {
    for (const auto& row :
         transaction_.exec(sql("paused_types", {{"at", moment("(at AT TIME ZONE 'UTC')")}}))) {
      of(text_of(row[0])).paused = Paused{moment_of(row, 1), text_of(row[3]), text_of(row[4])};
    }
  }

  void read_minutes() {
    for (const VersionMinute& one : read_version_minutes(transaction_)) {
      TypeOverview& overview = of(one.outcomes.type);
      const std::size_t place = minutes_of_an_hour - 1 - one.minutes_ago;
      overview.minutes.done.at(place) += one.outcomes.done;
      overview.minutes.failed.at(place) += one.outcomes.retrying + one.outcomes.failed;
      add(overview.versions, one.outcomes);
    }
    for (auto& [type, overview] : types_) sort_by_beginning(overview.versions);
  }

  void read_serving() {
    for (const auto& row : transaction_.exec(sql("serving")))
      of(text_of(row[0])).serving.push_back({text_of(row[1]), text_of(row[2]), row[3].as<std::int64_t>()});
  }

  pqxx::transaction_base& transaction_;
  const TableName& table_;
  const std::map<std::string, Member> members_{{"pending", &TypeOverview::pending},
                                               {"processing", &TypeOverview::processing},
                                               {"error", &TypeOverview::error},
                                               {"scheduled", &TypeOverview::scheduled}};
  std::map<std::string, TypeOverview> types_;
  std::map<std::string, std::int64_t> read_;  // rows, by status
};

}  // namespace

std::vector<TypeOverview> read_type_overviews(pqxx::transaction_base& transaction, const TableName& table) {
  return Overviews(transaction, table).read();
}

}  // namespace sluice::postgres
