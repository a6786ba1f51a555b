#include "postgres/insight/version_outcomes.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "postgres/insight/series.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

VersionOutcomes outcomes_of(const pqxx::row& row) {
  return {text_of(row[0]),           text_of(row[1]),           row[3].as<std::int64_t>(),
          row[4].as<std::int64_t>(), row[5].as<std::int64_t>(), time_of(text_of(row[6])),
          time_of(text_of(row[7]))};
}

}  // namespace

std::vector<VersionMinute> read_version_minutes(pqxx::transaction_base& transaction) {
  std::vector<VersionMinute> all;
  for (const auto& row : transaction.exec(sql("last_hour"))) {
    const auto ago = row[2].as<std::int64_t>();
    const auto last = static_cast<std::int64_t>(minutes_of_an_hour) - 1;
    all.push_back({outcomes_of(row), static_cast<std::size_t>(std::clamp<std::int64_t>(ago, 0, last))});
  }
  return all;
}

std::vector<VersionOutcomes> read_versions(pqxx::transaction_base& transaction, Time from, Time to,
                                           const std::string& type) {
  std::vector<VersionOutcomes> all;
  const bool hours = only_hours_since(from);
  const std::string statement =
      sql("versions", {{"rows", outcome_rows(hours ? std::chrono::floor<std::chrono::hours>(from) : from, to,
                                             hours, false)}});
  for (const auto& row : exec(transaction, statement, base::valid_utf8(type)))
    all.push_back(outcomes_of(row));
  sort_by_beginning(all);
  return all;
}

void add(std::vector<VersionOutcomes>& all, const VersionOutcomes& more) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.version == more.version; });
  if (found == all.end()) return all.push_back(more);
  found->done += more.done;
  found->retrying += more.retrying;
  found->failed += more.failed;
  found->first = std::min(found->first, more.first);
  found->last = std::max(found->last, more.last);
}

void sort_by_beginning(std::vector<VersionOutcomes>& all) {
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.version > b.version;
  });
}

}  // namespace sluice::postgres
