#include "postgres/insight/job_pages.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/threads.hpp"
#include "postgres/desk/counts.hpp"
#include "postgres/desk/job_rows.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

using base::Clock;

// Columns of page_statement.
constexpr int key_column = 16;
constexpr int horizon_column = 17;
constexpr int value_column = 21;

constexpr std::size_t first_most = 500;
constexpr std::size_t last_most = 50'000;
/// What a type or a code has is read at once, if it is not more.
constexpr std::size_t few = 2000;
/// A step is at most this many times as long as the last one, and not begun if it would have to be shorter
/// than half.
constexpr double most_growth = 4;
constexpr double least_growth = 0.5;
/// The times in which the steps of a page and of a count probably end.
constexpr std::chrono::milliseconds time_of_page{40};
constexpr std::chrono::milliseconds time_of_count{25};

/// The end of what was read.
struct Horizon {
  JobKey key;
  Moment at;
};

std::optional<Horizon> horizon_of(const pqxx::row& row, int first) {
  if (row[first].is_null()) return std::nullopt;
  return Horizon{{text_of(row[first]), text_of(row[first + 1])}, moment_of(row, first + 2)};
}

JobRow job_of(const pqxx::row& row, std::size_t columns) {
  JobRow job;
  job.job = summary_of(row);
  job.key = {text_of(row[key_column]), job.job.id};
  for (std::size_t i = 0; i < columns; ++i) {
    const pqxx::field value = row[value_column + static_cast<int>(i)];
    job.columns.push_back(value.is_null() ? std::nullopt : std::optional(text_of(value)));
  }
  return job;
}

/// Reads further and further, in steps that grow, until somebody has enough, all jobs were read, or it would
/// take too long.
class Walk {
 public:
  Walk(pqxx::transaction_base& transaction, const TableName& table, const JobQuery& query, Order order,
       const std::optional<JobKey>& after)
      : query_(query), reading_{query_, order, after, first_most, false, true} {
    for (auto* names : {&query_.statuses, &query_.types}) {  // each is read once
      std::sort(names->begin(), names->end());
      names->erase(std::unique(names->begin(), names->end()), names->end());
    }
    if (!query_.statuses.empty()) return;
    reading_.by_status = !has_index_on(transaction, table, "createdAt");
    if (reading_.by_status) query_.statuses = read_statuses(transaction, table);
  }

  Reading& reading() { return reading_; }

  /// `step` runs the statement that it is given `reading` for, and returns the horizon, if there is one.
  /// Returns the last horizon if the walk stopped before its end. `enough()` ends it too.
  template <typename Step, typename Enough>
  std::optional<Horizon> run(std::chrono::milliseconds patience, Step&& step, Enough&& enough) {
    for (;;) {
      const auto before = Clock::now();
      std::optional<Horizon> horizon = step(reading_);
      if (!horizon || enough()) return horizon;
      const auto now = Clock::now();
      const double growth =
          std::min(most_growth, (patience - (now - started_)) / std::chrono::duration<double>(now - before));
      if (growth < least_growth) return horizon;
      reading_.after = horizon->key;
      reading_.most =
          std::min(static_cast<std::size_t>(static_cast<double>(reading_.most) * growth), last_most);
    }
  }

 private:
  JobQuery query_;
  Reading reading_;
  const Clock::time_point started_ = Clock::now();
};

class Pages {
 public:
  Pages(pqxx::transaction_base& transaction, const TableName& table, std::size_t limit,
        const std::vector<std::vector<std::string>>& columns)
      : transaction_(transaction), table_(table), limit_(limit), columns_(columns) {}

  /// Adds the next jobs, one more than the page has, which tells that there are more.
  std::optional<Horizon> add(const Reading& reading) {
    std::optional<Horizon> horizon;
    for (const auto& row : transaction_.exec(page_statement(table_, reading, missing(), columns_))) {
      horizon = horizon_of(row, horizon_column);
      if (!row[0].is_null()) jobs_.push_back(job_of(row, columns_.size()));
    }
    return horizon;
  }

  bool full() const { return missing() == 0; }
  void clear() { jobs_.clear(); }

  JobPage page(const std::optional<Horizon>& horizon) {
    JobPage page;
    const bool more = full();
    if (more) jobs_.pop_back();
    page.jobs = std::move(jobs_);
    if (more) {
      page.next = page.jobs.back().key;
    } else if (horizon) {
      page.next = horizon->key;
      page.horizon = horizon->at;
    }
    return page;
  }

 private:
  std::size_t missing() const { return limit_ + 1 - jobs_.size(); }

  pqxx::transaction_base& transaction_;
  const TableName& table_;
  const std::size_t limit_;
  const std::vector<std::vector<std::string>>& columns_;
  std::vector<JobRow> jobs_;
};

/// How to read all jobs of the query's code, or of its types, at once. Nullopt if they are not few.
std::optional<Reading> of_few(pqxx::transaction_base& transaction, const TableName& table,
                              const Reading& reading) {
  constexpr std::size_t most_types = 20;
  const auto are_few = [&](const std::string& statement) {
    return transaction.exec(statement)[0][0].as<std::size_t>() <= few;
  };
  Reading whole = reading;
  whole.most = few;
  const JobQuery& query = whole.query;
  whole.by_code = !query.code.empty() && are_few(most_of_code_statement(whole));
  if (whole.by_code) return whole;
  whole.by_type = !query.types.empty() && query.types.size() <= most_types &&
                  has_index_on(transaction, table, "type") && are_few(most_of_types_statement(table, whole));
  return whole.by_type ? std::optional(whole) : std::nullopt;
}

}  // namespace

JobPage read_page(pqxx::transaction_base& transaction, const TableName& table, const JobQuery& query,
                  Order order, const std::optional<JobKey>& after, std::size_t limit,
                  const std::vector<std::vector<std::string>>& columns) {
  Pages pages(transaction, table, std::max<std::size_t>(limit, 1), columns);
  Walk walk(transaction, table, query, order, after);
  if (!skips(query)) walk.reading().most = limit + 1;
  if (const auto whole = of_few(transaction, table, walk.reading())) {
    if (!pages.add(*whole)) return pages.page({});
    pages.clear();
  }
  const auto horizon = walk.run(
      time_of_page, [&](const Reading& reading) { return pages.add(reading); }, [&] { return pages.full(); });
  return pages.page(horizon);
}

JobCount read_matches(pqxx::transaction_base& transaction, const TableName& table, const JobQuery& query) {
  std::int64_t count = 0;
  const auto add = [&](const Reading& reading) {
    const auto row = transaction.exec(matches_statement(table, reading))[0];
    count += row[0].as<std::int64_t>();
    return horizon_of(row, 1);
  };
  JobCount answer;
  Walk walk(transaction, table, query, Order::newest, {});
  std::optional<Horizon> horizon;
  const auto whole = of_few(transaction, table, walk.reading());
  if (!whole || add(*whole)) {
    count = 0;
    if (!skips(query)) walk.reading().most = static_cast<std::size_t>(most_counted) + 1;
    horizon = walk.run(time_of_count, add, [&] { return count > most_counted; });
  }
  answer.counted = {std::min(count, most_counted), count > most_counted || horizon.has_value()};
  if (horizon && count <= most_counted) answer.horizon = horizon->at;
  return answer;
}

/// A count of most of a table is quickest by reading it as it lies.
std::int64_t read_exact_count(pqxx::transaction_base& transaction, const TableName& table,
                              const JobQuery& query) {
  transaction.exec(
      "SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_hashjoin = on; "
      "SET LOCAL max_parallel_workers_per_gather = 2");
  return transaction.exec(exact_statement(table, query))[0][0].as<std::int64_t>();
}

}  // namespace sluice::postgres
