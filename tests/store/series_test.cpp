// What was done in the course of time: minutes, and their sums.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <thread>

#include "postgres/insight/insight.hpp"
#include "postgres/insight/marks.hpp"
#include "postgres/insight/series.hpp"
#include "support/wait.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

/// As runtimes with migration 18 count and roll. Those may run beside newer ones.
constexpr const char* count_of_18 =
    "INSERT INTO sluice.minute AS t (minute, type, plugin_version, outcome, count, busy, waiting, running) "
    "SELECT date_trunc('minute', now()) - $1::interval, $2, $3, $4, $5::bigint, '1 s', "
    "ARRAY[0, $5::bigint], ARRAY[$5::bigint] "
    "ON CONFLICT (minute, type, plugin_version, outcome) DO UPDATE SET count = t.count + excluded.count, "
    "busy = t.busy + excluded.busy, "
    "waiting = ARRAY (SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(t.waiting, excluded.waiting) "
    "WITH ORDINALITY AS u (x, y, n) ORDER BY n), "
    "running = ARRAY (SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(t.running, excluded.running) "
    "WITH ORDINALITY AS u (x, y, n) ORDER BY n)";
constexpr const char* roll_of_18 =
    "WITH moved AS (DELETE FROM sluice.minute m WHERE minute < date_trunc('hour', now() - interval '2 days') "
    "RETURNING m.*) "
    "INSERT INTO sluice.hour AS t (hour, type, plugin_version, outcome, count, busy, waiting, running) "
    "SELECT date_trunc('hour', min(minute)), type, plugin_version, outcome, sum(count), sum(busy), '{}', "
    "'{}' "
    "FROM moved GROUP BY date_trunc('hour', minute), type, plugin_version, outcome "
    "ON CONFLICT (hour, type, plugin_version, outcome) DO UPDATE SET count = t.count + excluded.count";

/// The sums that differ from those of sluice.minute. A histogram is compared by a number that adds up as it
/// does.
constexpr const char* wrong_sums =
    "WITH minutes AS (SELECT *, (SELECT coalesce(sum(x * n), 0) FROM unnest(waiting) WITH ORDINALITY u (x, "
    "n)) w, "
    "(SELECT coalesce(sum(x * n), 0) FROM unnest(running) WITH ORDINALITY u (x, n)) r FROM sluice.minute), "
    "sums AS (SELECT *, (SELECT sum(x * n) FROM unnest(waiting) WITH ORDINALITY u (x, n)) w, "
    "(SELECT sum(x * n) FROM unnest(running) WITH ORDINALITY u (x, n)) r FROM sluice.total), "
    "wanted AS (SELECT k.minutes, k.at, k.type, k.version, outcome, sum(count) count, sum(busy) busy, sum(w) "
    "w, "
    "sum(r) r FROM minutes m, LATERAL (VALUES (60, date_trunc('hour', minute), m.type, m.plugin_version), "
    "(60, date_trunc('hour', minute), '', ''), (1, minute, '', '')) k (minutes, at, type, version) "
    "GROUP BY 1, 2, 3, 4, 5) "
    "SELECT count(*) FROM wanted w FULL JOIN sums s ON (s.minutes, s.at, s.type, s.plugin_version, "
    "s.outcome) = "
    "(w.minutes, w.at, w.type, w.version, w.outcome) "
    "WHERE (w.count, w.busy, w.w, w.r) IS DISTINCT FROM (s.count, s.busy, s.w, s.r)";

class SeriesOf : public testing::Test {
 protected:
  SeriesOf() : insight_(world_.store().insight()), care_(world_.store().care()) {}

  void count(const std::string& ago, const std::string& type, int jobs, const std::string& outcome = "done") {
    world_.database().value(count_of_18, {ago, type, "1", outcome, std::to_string(jobs)});
  }
  store::Series month(const std::optional<std::string>& type = {}) {
    return insight_->series(now() - hours(720), now(), hours(1), type);
  }
  void tidy() {
    while (!care_->tidy(1000, keep_audit).over) {
    }
  }
  std::string value(const std::string& sql) { return world_.database().value(sql); }

  static store::Time now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(base::WallClock::now());
  }

  PostgresWorld world_;
  std::unique_ptr<store::InsightSession> insight_;
  std::unique_ptr<store::CareSession> care_;
};

TEST_F(SeriesOf, OutcomesAddsUpAndEstimatesTimes) {
  store::TimeHistogram waiting, running;
  for (int i = 0; i < 98; ++i) running.add(std::chrono::milliseconds(2));
  for (int i = 0; i < 2; ++i) running.add(seconds(10));
  for (int i = 0; i < 100; ++i) waiting.add(std::chrono::milliseconds(150));
  care_->count({{"mail", "1", "done", 90, 20, waiting, running}, {"mail", "1", "failed", 10, 0.5, {}, {}}});
  care_->count({{"mail", "1", "done", 10, 0, waiting, running}, {"pdf", "1", "done", 5, 1, {}, {}}});
  const auto series = insight_->series(now() - std::chrono::minutes(30), now() + std::chrono::minutes(2),
                                       seconds(60), "mail");
  EXPECT_GE(series.steps.size(), 32U);
  EXPECT_EQ(series.step, seconds(60));
  EXPECT_EQ(series.total.done, 100);
  EXPECT_EQ(series.total.failed, 10);
  EXPECT_NEAR(series.total.busy, 20.5, 1e-6);
  EXPECT_NEAR(series.total.running.p50.value(), 0.002, 0.002);
  EXPECT_NEAR(series.total.running.p99.value(), 10, 7);
  EXPECT_NEAR(series.total.waiting.p95.value(), 0.15, 0.1);
  std::int64_t done = 0;
  for (const auto& step : series.steps) done += step.outcomes.done;
  EXPECT_EQ(done, 100);
  const auto all = insight_->series(now() - std::chrono::minutes(10), now() + seconds(60), seconds(1), {});
  EXPECT_EQ(all.total.done, 105);
  EXPECT_EQ(all.step, seconds(60)) << "a minute is the shortest step";
  EXPECT_THROW(insight_->series(now() - std::chrono::hours(40), now(), seconds(60), {}), store::Refused)
      << "too many steps";
}

TEST_F(SeriesOf, MinutesAreKeptForTwoDaysAndTheirSumsForThirty) {
  store::TimeHistogram times;
  times.add(std::chrono::milliseconds(5));
  care_->count({{"mail", "1", "done", 3, 1, times, times}});
  world_.advance(std::chrono::minutes(1));
  care_->count({{"mail", "1", "done", 4, 1, times, times}});
  world_.advance(hours(50));
  tidy();
  EXPECT_EQ(value("SELECT count(*) FROM sluice.minute"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM sluice.total WHERE minutes = 1"), "0");
  const std::optional<std::string> each[] = {std::nullopt, "mail"};
  for (const auto& type : each) {
    const auto series = insight_->series(now() - hours(60), now(), seconds(60), type);
    EXPECT_EQ(series.step, hours(1));
    EXPECT_EQ(series.total.done, 7);
    EXPECT_NEAR(series.total.running.p50.value(), 0.005, 0.003);
  }
  EXPECT_EQ(insight_->versions(now() - hours(60), now(), "mail").at(0).done, 7);
  world_.database().exec("UPDATE sluice.total SET at = at - interval '29 days'");
  tidy();
  EXPECT_EQ(value("SELECT count(*) FROM sluice.total"), "0");
}

TEST_F(SeriesOf, AnHourThatIsOverHasWhatWasCountedLate) {
  count("3 hours", "mail", 5);
  count("200 min", "mail", 1);
  tidy();
  EXPECT_EQ(month("mail").total.done, 6);
  count("3 hours", "mail", 2);
  count("190 min", "mail", 4);
  count("25 hours", "mail", 8);
  count("25 hours", "pdf", 16, "failed");
  tidy();
  EXPECT_EQ(month("mail").total.done, 20);
  const auto all = month();
  EXPECT_EQ(all.total.done, 20);
  EXPECT_EQ(all.total.failed, 16);
  EXPECT_EQ(all.total.busy, 6);
  EXPECT_LE(all.total.running.p99.value(), 0.0001);
  EXPECT_GT(all.total.waiting.p50.value(), 0.0001);
  EXPECT_EQ(value(wrong_sums), "0");
}

TEST_F(SeriesOf, StepsAreTheSameByTheHourAndByTheMinute) {
  for (const char* ago : {"1 min", "59 min", "61 min", "5 hours", "22 hours"}) count(ago, "mail", 3);
  const store::Time to = std::chrono::floor<hours>(now()) + hours(1);
  const std::optional<std::string> each[] = {std::nullopt, "mail"};
  for (const auto& type : each) {
    const auto by_hour = insight_->series(to - hours(24), to, hours(1), type);
    const auto by_minute = insight_->series(to - hours(24), to, std::chrono::minutes(1), type);
    ASSERT_EQ(by_minute.steps.size(), 60 * by_hour.steps.size());
    for (std::size_t i = 0; i < by_hour.steps.size(); ++i) {
      std::int64_t done = 0;
      for (std::size_t minute = 0; minute < 60; ++minute)
        done += by_minute.steps[60 * i + minute].outcomes.done;
      EXPECT_EQ(by_hour.steps[i].outcomes.done, done) << i;
    }
    EXPECT_EQ(by_hour.total.done, 15);
  }
}

// Each adds to the sums of two outcomes, in its own order.
TEST_F(SeriesOf, RuntimesThatCountAtTheSameTimeDoNotWaitForEachOther) {
  Session one(world_.database().url());
  one.exec("BEGIN");
  one.value(count_of_18, {"0", "mail", "1", "done", "1"});
  std::string refusal;
  std::jthread other([&, url = world_.database().url()] {
    try {
      Session two(url);
      two.exec("BEGIN");
      two.value(count_of_18, {"0", "mail", "2", "failed", "1"});
      two.value(count_of_18, {"0", "mail", "2", "done", "1"});
      two.exec("COMMIT");
    } catch (const std::exception& error) {
      refusal = error.what();
    }
  });
  EXPECT_TRUE(eventually([&] {
    return value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
               "wait_event_type = 'Lock'") == "1";
  }));
  one.value(count_of_18, {"0", "mail", "1", "failed", "1"});
  one.exec("COMMIT");
  other.join();
  EXPECT_EQ(refusal, "");
  EXPECT_EQ(value(wrong_sums), "0");
}

TEST_F(SeriesOf, RuntimesThatCountAtTheSameTimeLoseNothing) {
  constexpr int runtimes = 4, rounds = 25;
  {
    std::vector<std::jthread> counting;
    for (int runtime = 0; runtime < runtimes; ++runtime) {
      counting.emplace_back([&, runtime, session = std::make_shared<Session>(world_.database().url())] {
        for (int i = 0; i < rounds; ++i) {
          session->value(count_of_18, {"0", "mail", "1", "done", "2"});
          session->value(count_of_18, {"1 h", "mail", std::to_string(runtime), "retrying", "3"});
        }
      });
    }
  }
  EXPECT_EQ(month("mail").total.done, 2 * runtimes * rounds);
  EXPECT_EQ(month().total.retrying, 3 * runtimes * rounds);
  EXPECT_EQ(value(wrong_sums), "0");
}

TEST_F(SeriesOf, ARuntimeOfTheVersionBeforeRollsMinutesWithoutDoublingThem) {
  count("3 days", "mail", 5);
  count("0", "mail", 1);
  world_.database().exec(roll_of_18);
  EXPECT_EQ(value("SELECT sum(count) FROM sluice.hour"), "5") << "as that version does";
  EXPECT_EQ(month().total.done, 6);
  EXPECT_EQ(month("mail").total.done, 6);
  tidy();
  EXPECT_EQ(month("mail").total.done, 6);
}

TEST_F(SeriesOf, AnUpgradeSumsWhatWasCountedBefore) {
  world_.database().exec(
      "DROP INDEX sluice.attempt_code_idx; DROP TABLE sluice.total; DROP FUNCTION sluice.add_to_totals "
      "CASCADE; DELETE FROM sluice.migration "
      "WHERE "
      "version = 19");
  count("5 min", "mail", 1);
  count("70 min", "mail", 2);
  count("70 min", "pdf", 4);
  world_.database().exec(
      "INSERT INTO sluice.hour SELECT date_trunc('hour', now()) - interval '10 days', 'mail', '1', 'done', "
      "8, "
      "interval '1 s', '{0,0,8}'::bigint[], '{8}'::bigint[] UNION ALL "
      "SELECT date_trunc('hour', now()) - interval '31 days', 'mail', '1', 'done', 16, '1 s', '{}', '{}'");
  EXPECT_EQ(world_.store().desk()->init().size(), 1U);
  EXPECT_EQ(month("mail").total.done, 11);
  EXPECT_EQ(month().total.done, 15);
  EXPECT_EQ(value("SELECT sum(count) FROM sluice.total WHERE minutes = 1"), "7");
  world_.database().exec("DELETE FROM sluice.total WHERE at < now() - interval '2 days'");
  EXPECT_EQ(value(wrong_sums), "0");
  count("70 min", "mail", 32);
  EXPECT_EQ(month("mail").total.done, 35);
}

// A month of ten types. Whatever the statistics say, a page reads the rows of its type and of its time.
class SeriesPlan : public SeriesOf {
 protected:
  SeriesPlan() : session_(world_.database().url()) {
    world_.database().exec(
        "ALTER TABLE sluice.minute SET (autovacuum_enabled = off); "
        "ALTER TABLE sluice.total SET (autovacuum_enabled = off); "
        "INSERT INTO sluice.minute SELECT at, 'kind.t' || t, v, 'done', 1, '1 s', '{1}', '{1}' "
        "FROM generate_series(date_trunc('hour', now()) - interval '30 days', now(), interval '15 min') at, "
        "generate_series(0, 9) t, unnest('{1.0,1.1}'::text[]) v");
  }

  /// The buffers that were read.
  long read(const std::string& statement, const std::optional<std::string>& type = {}) {
    session_.exec("BEGIN; " + postgres::insight_settings());
    session_.exec("PREPARE asked" + std::string(type ? " (text)" : "") + " AS " + statement);
    const std::string plan = session_.rows("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) EXECUTE asked" +
                                           (type ? " ('" + *type + "')" : ""));
    session_.exec("ROLLBACK; DEALLOCATE asked");
    EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << plan;
    const std::regex hits("shared hit=(\\d+)");
    std::smatch first;
    EXPECT_TRUE(std::regex_search(plan, first, hits)) << plan;
    return std::stol(first[1]);
  }

  Session session_;
};

TEST_F(SeriesPlan, OfAMonthReadsItsHours) {
  constexpr long most = 30L * 24 * 2 * 3 / 2;  // a row each, and some more of the index
  const auto rows = [](bool all) { return postgres::outcome_rows(now() - hours(720), now(), true, all); };
  for (const char* analysed : {"SELECT", "ANALYZE"}) {
    world_.database().exec(analysed);
    EXPECT_LT(read(postgres::series_statement("at", rows(false)), "kind.t3"), most);
    EXPECT_LT(read(postgres::series_statement("at", rows(true)), ""), most);
    EXPECT_LT(read(postgres::version_marks_statement(now() - hours(720), now())), 1000);
  }
}

}  // namespace
}  // namespace sluice::test
