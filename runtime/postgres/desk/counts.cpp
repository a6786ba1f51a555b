#include "postgres/desk/counts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

constexpr std::int64_t small_table = 64 * 1024 * 1024;  // bytes
constexpr std::int64_t few_of_a_status = 2000;
constexpr std::int64_t few_of_a_type = 500;
constexpr int most_types = 200;
constexpr int most_statuses = 50;
constexpr double sampled_pages = 1000;
constexpr std::int64_t most_created = 1'000'000;

/// A walk along (status, "createdAt"), oldest first. The row comparison makes that index the only one that
/// gives the order.
std::string of_status(const std::string& status, const std::string& since) {
  const std::string literal = quoted_literal(status);
  return "(o.status, o.\"createdAt\") >= (" + literal + ", " + since + ") AND o.status <= " + literal +
         " ORDER BY o.status, o.\"createdAt\"";
}

struct Cell {
  std::int64_t count = 0;
  bool estimated = true;
  double oldest = std::numeric_limits<double>::quiet_NaN();
};

/// Rounds an estimate to three significant digits.
std::int64_t rounded(double estimate) {
  if (estimate < 1000) return std::llround(estimate);
  const double unit = std::pow(10, std::floor(std::log10(estimate)) - 2);
  return std::llround(std::round(estimate / unit) * unit);
}

class Counting {
 public:
  Counting(pqxx::transaction_base& transaction, const TableName& table)
      : transaction_(transaction), table_(table) {}

  void count_all() {
    for (const auto& row : transaction_.exec(sql("count_jobs", table_))) {
      set(text_of(row[0]), text_of(row[1]), row[2].as<std::int64_t>(), parse_double(text_of(row[3])));
    }
  }

  void count_within_bounds() {
    transaction_.exec(pump_settings("SET LOCAL"));
    std::vector<std::string> many;
    for (const auto& status : read_statuses(transaction_, table_)) {
      if (!count_status(status)) many.push_back(status);
    }
    if (many.empty()) return;
    if (has_index_on(transaction_, table_, "type")) count_types();
    estimate(many);
  }

  void fill(Report& report) const {
    for (const auto& [key, cell] : cells_) {
      const auto& [type, status] = key;
      if (cell.count == 0) continue;
      report.counts.push_back({type, status, cell.count, cell.estimated});
      if (status != "pending") continue;
      TypeReport waiting;
      waiting.type = type;
      waiting.pending = cell.count;
      waiting.estimated = cell.estimated;
      waiting.oldest_pending_age = cell.oldest;
      report.waiting.push_back(std::move(waiting));
    }
  }

 private:
  void set(const std::string& type, const std::string& status, std::int64_t count, double oldest) {
    cells_[{type, status}] = {count, false, oldest};
  }

  /// False if there are more than a few jobs. Then the types among the oldest of them are known.
  bool count_status(const std::string& status) {
    const std::string select = "SELECT type, \"createdAt\" FROM " + table_.quoted() + " o WHERE ";
    const std::string limit = " LIMIT " + std::to_string(few_of_a_status + 1);
    const std::string free = status == "pending" ? "NOT " + sql("is_claimed") + " AND " : "";
    std::string seen_rows = "(" + select + free + of_status(status, "'-infinity'") + limit + ")";
    if (status == "processing") seen_rows += " UNION ALL (" + select + sql("claimed_rows") + limit + ")";
    const auto rows =
        transaction_.exec("WITH seen AS MATERIALIZED (" + seen_rows + ") SELECT type, count(*), " +
                          sql("oldest_age") + " FROM seen GROUP BY type");
    std::int64_t seen = 0;
    for (const auto& row : rows) seen += row[1].as<std::int64_t>();
    const bool all = seen <= few_of_a_status;
    for (const auto& row : rows) {
      cells_[{text_of(row[0]), status}] = {row[1].as<std::int64_t>(), !all, parse_double(text_of(row[2]))};
    }
    return all;
  }

  /// Counts the types with few jobs.
  void count_types() {
    const auto rows = transaction_.exec(
        sql("count_types", table_,
            {{"most_types", std::to_string(most_types)}, {"few", std::to_string(few_of_a_type + 1)}}));
    std::map<std::string, std::int64_t> seen;
    for (const auto& row : rows) seen[text_of(row[0])] += row[2].as<std::int64_t>();
    for (auto& [key, cell] : cells_) {
      const auto type = seen.find(key.first);
      if (type != seen.end() && type->second <= few_of_a_type) cell = {0, false, cell.oldest};
    }
    for (const auto& row : rows) {
      if (seen[text_of(row[0])] > few_of_a_type) continue;
      set(text_of(row[0]), text_of(row[1]), row[2].as<std::int64_t>(), parse_double(text_of(row[3])));
      few_.insert(text_of(row[0]));
    }
  }

  void estimate(const std::vector<std::string>& statuses) {
    std::string list;
    for (const auto& status : statuses) list += (list.empty() ? "" : ", ") + quoted_literal(status);
    const double pages = transaction_
                             .exec("SELECT greatest(pg_relation_size(" + quoted_literal(table_.quoted()) +
                                   ") / current_setting('block_size')::bigint, 1)")[0][0]
                             .as<double>();
    const double share = std::min(1.0, sampled_pages / pages);
    for (const auto& row :
         transaction_.exec("SELECT type, status, count(*) FROM " + table_.quoted() + " TABLESAMPLE SYSTEM (" +
                           std::to_string(share * 100) + ") REPEATABLE (0) WHERE status IN (" + list +
                           ") GROUP BY type, status")) {
      if (few_.contains(text_of(row[0]))) continue;
      Cell& cell = cells_[{text_of(row[0]), text_of(row[1])}];
      cell.count = std::max(cell.count, rounded(row[2].as<double>() / share));
    }
  }

  pqxx::transaction_base& transaction_;
  const TableName& table_;
  std::map<std::pair<std::string, std::string>, Cell> cells_;  // by type and status
  std::set<std::string> few_;                                  // the types with few jobs
};

}  // namespace

void read_counts(pqxx::transaction_base& transaction, const TableName& table, bool exact, Report& report) {
  Counting counting(transaction, table);
  const bool small = transaction
                         .exec("SELECT pg_relation_size(" + quoted_literal(table.quoted()) +
                               ") <= " + std::to_string(small_table))[0][0]
                         .as<bool>();
  exact || small ? counting.count_all() : counting.count_within_bounds();
  counting.fill(report);
}

std::vector<std::string> read_statuses(pqxx::transaction_base& transaction, const TableName& table) {
  std::vector<std::string> statuses;
  for (const auto& row :
       transaction.exec(sql("statuses", table, {{"most_statuses", std::to_string(most_statuses)}}))) {
    statuses.push_back(text_of(row[0]));
  }
  // Rows that a claim names are shown with the status of running jobs, whether or not the table has rows with
  // it.
  if (std::find(statuses.begin(), statuses.end(), "processing") == statuses.end()) {
    statuses.emplace_back("processing");
  }
  return statuses;
}

bool has_index_on(pqxx::transaction_base& transaction, const TableName& table, const std::string& column) {
  return transaction.exec(sql("has_index_on", table, {{"column", quoted_literal(column)}}))[0][0].as<bool>();
}

void read_created(pqxx::transaction_base& transaction, const TableName& table, std::int64_t seconds,
                  Aggregate& aggregate) {
  const std::string since =
      "((now() AT TIME ZONE 'UTC') - make_interval(secs => " + std::to_string(seconds) + "))::timestamp";
  for (const auto& status : read_statuses(transaction, table)) {
    const auto counted =
        transaction
            .exec("SELECT count(*) FROM (SELECT FROM " + table.quoted() + " o WHERE " +
                  of_status(status, since) + " LIMIT " + std::to_string(most_created) + ") s")[0][0]
            .as<std::int64_t>();
    aggregate.created += counted;
    aggregate.more = aggregate.more || counted == most_created;
  }
}

}  // namespace sluice::postgres
