#include "postgres/insight/series.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "postgres/histograms.hpp"
#include "postgres/insight/times.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/text.hpp"
#include "postgres/sql.hpp"

namespace sluice::postgres {

namespace {

using std::chrono::seconds;

constexpr seconds shortest_step{60};
constexpr seconds hour{3600};
constexpr std::chrono::hours kept_minutes{48};

struct Sum {
  Outcomes outcomes;
  TimeHistogram waiting;
  TimeHistogram running;
};

TimeHistogram histogram_of(const pqxx::field& field) {
  TimeHistogram::Counts counts{};
  const std::string text = text_of(field);
  std::size_t at = 1;  // after the brace
  for (std::int64_t& count : counts) {
    count = std::strtoll(text.c_str() + at, nullptr, 10);
    at = std::min(text.find(',', at), text.size() - 1) + 1;
  }
  return TimeHistogram(counts);
}

void add_count(Outcomes& outcomes, const std::string& name, std::int64_t count) {
  if (name == "done") outcomes.done += count;
  if (name == "retrying") outcomes.retrying += count;
  if (name == "failed") outcomes.failed += count;
  if (name == "snoozed") outcomes.snoozed += count;
}

/// A row of the statement.
void add(Sum& sum, const pqxx::row& row) {
  add_count(sum.outcomes, text_of(row[1]), row[2].as<std::int64_t>());
  sum.outcomes.busy += parse_double(text_of(row[3]));
  sum.waiting.add(histogram_of(row[4]));
  sum.running.add(histogram_of(row[5]));
}

Percentiles percentiles(const TimeHistogram& times) {
  return {times.percentile(0.5), times.percentile(0.95), times.percentile(0.99)};
}

Outcomes finished(const Sum& sum) {
  Outcomes outcomes = sum.outcomes;
  outcomes.waiting = percentiles(sum.waiting);
  outcomes.running = percentiles(sum.running);
  return outcomes;
}

/// Whole minutes, or whole hours where minutes are no longer kept.
seconds possible_step(Time from, seconds step) {
  const seconds unit = only_hours_since(from) ? hour : shortest_step;
  const seconds longest = std::chrono::hours(24 * 366);
  step = std::clamp(step, unit, longest);
  return (step + unit - seconds(1)) / unit * unit;
}

std::int64_t step_of(Time time, seconds step) {
  return std::chrono::floor<seconds>(time.time_since_epoch()).count() / step.count();
}

void check(std::int64_t steps) {
  if (steps >= 0 && steps <= most_steps) return;
  throw Refused("could not read a series of outcomes: it would have " + std::to_string(steps) +
                " steps, and may have 0 to " + std::to_string(most_steps) + "; choose longer steps");
}

}  // namespace

bool only_hours_since(Time from) {
  return from < base::WallClock::now() - kept_minutes;
}

std::string outcome_rows(Time from, Time to, bool hours, bool all) {
  return sql(hours || all ? "sums_of_type" : "minutes_of_type",
             {{"from", instant(from)}, {"to", instant(to)}, {"unit", hours ? "60" : "1"}});
}

std::string series_statement(const std::string& key, const std::string& rows) {
  return sql("series", {{"key", key},
                        {"rows", rows},
                        {"waiting", histogram_sum("waiting")},
                        {"running", histogram_sum("running")}});
}

Series read_series(pqxx::transaction_base& transaction, Time from, Time to, seconds step,
                   const std::optional<std::string>& type) {
  step = possible_step(from, step);
  const std::int64_t first = step_of(from, step);
  const std::int64_t end = step_of(to + step - std::chrono::microseconds(1), step);
  check(end - first);
  const std::string length = std::to_string(step.count());
  const std::string wanted = base::valid_utf8(type.value_or(""));
  const std::string rows = outcome_rows(Time(first * step), to, step % hour == seconds(0), !type);
  std::vector<Sum> sums(static_cast<std::size_t>(end - first));
  Sum total;
  for (const auto& row :
       exec(transaction, series_statement("floor(date_part('epoch', at) / " + length + ")::bigint", rows),
            wanted)) {
    add(sums.at(static_cast<std::size_t>(row[0].as<std::int64_t>() - first)), row);
    add(total, row);
  }
  Series series;
  series.step = step;
  series.total = finished(total);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    series.steps.push_back({Time((first + static_cast<std::int64_t>(i)) * step), finished(sums[i])});
  }
  return series;
}

std::map<std::string, Outcomes> read_last_hour(pqxx::transaction_base& transaction) {
  std::map<std::string, Sum> sums;
  const Fillings last_hour{{"from", "now() - interval '1 hour'"}, {"to", "now()"}};
  const std::string rows = sql("minutes_of_types", last_hour);
  for (const auto& row : transaction.exec(series_statement("type", rows))) {
    add(sums[text_of(row[0])], row);
  }
  std::map<std::string, Outcomes> outcomes;
  for (const auto& [type, sum] : sums) outcomes[type] = finished(sum);
  return outcomes;
}

}  // namespace sluice::postgres
