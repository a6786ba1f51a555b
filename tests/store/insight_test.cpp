// What a dashboard asks of PostgreSQL: answers, bounds, and the plans of pages.
#include <gtest/gtest.h>

#include <regex>

#include "postgres/desk/likeness.hpp"
#include "postgres/insight/failure_groups.hpp"
#include "postgres/insight/insight.hpp"
#include "postgres/insight/page_statements.hpp"
#include "postgres/link/table_name.hpp"
#include "postgres/postgres_store.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

using std::chrono::seconds;
using Ids = std::vector<std::string>;

class Insight : public testing::Test {
 protected:
  Insight() : insight_(world_.store().insight()), care_(world_.store().care()) {}

  void insert(const std::string& values) {
    world_.database().exec(
        "INSERT INTO \"Outbox\" (id, type, payload, status, \"createdAt\", \"updatedAt\", attempts) "
        "VALUES " +
        values);
  }
  void fail(const std::string& job, const std::string& error, const std::string& code = "",
            const std::string& version = "1") {
    world_.database().exec(
        "INSERT INTO sluice.attempt (job_id, attempt, type, result, code, error, plugin_version) VALUES ('" +
        job + "', 1, 'mail', 'retry', '" + code + "', $$" + error + "$$, '" + version + "')");
  }
  /// All ids, page by page.
  Ids walk(const store::JobQuery& query, store::Order order, std::size_t limit) {
    Ids ids;
    std::optional<store::JobKey> after;
    do {
      const store::JobPage page = insight_->jobs(query, order, after, limit, {});
      for (const auto& row : page.jobs) ids.push_back(row.job.id);
      after = page.next;
    } while (after);
    return ids;
  }
  Ids found(const store::JobQuery& query) { return walk(query, store::Order::oldest, 100); }

  static store::Time now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(base::WallClock::now());
  }

  PostgresWorld world_;
  std::unique_ptr<store::InsightSession> insight_;
  std::unique_ptr<store::CareSession> care_;
};

Ids reversed(Ids ids) {
  std::reverse(ids.begin(), ids.end());
  return ids;
}

TEST_F(Insight, PagesFollowEachOtherWithoutGapsThoughJobsWereCreatedAtTheSameTime) {
  insert(
      "('c', 'mail', '{}', 'done', '2026-01-01', now(), 1), ('a', 'mail', '{}', 'error', '2026-01-01', "
      "now(), 1),"
      "('b', 'mail', '{}', 'done', '2026-01-01', now(), 1), ('e', 'mail', '{}', 'pending', '2026-01-02', "
      "now(), 0),"
      "('d', 'mail', '{}', 'done', '2026-01-03', now(), 1), ('z', 'mail', '{}', 'done', '-infinity', now(), "
      "1),"
      "('y', 'mail', '{}', 'done', 'infinity', now(), 1)");
  const Ids oldest{"z", "a", "b", "c", "e", "d", "y"};
  for (const std::size_t limit : {1, 2, 3, 7, 100}) {
    EXPECT_EQ(walk({}, store::Order::oldest, limit), oldest) << limit;
    EXPECT_EQ(walk({}, store::Order::newest, limit), reversed(oldest)) << limit;
    store::JobQuery some;
    some.statuses = {"done", "error"};
    EXPECT_EQ(walk(some, store::Order::oldest, limit), (Ids{"z", "a", "b", "c", "d", "y"})) << limit;
    EXPECT_EQ(walk(some, store::Order::newest, limit), (Ids{"y", "d", "c", "b", "a", "z"})) << limit;
  }
  world_.store().desk()->set_indexes(store::Indexes::lean);
  EXPECT_EQ(walk({}, store::Order::newest, 2), reversed(oldest)) << "with lean indexes";
}

TEST_F(Insight, AQueryFindsJobsByWhatTheyAre) {
  insert(R"(('a', 'mail', '{"to": {"name": "O''Brien 100%"}, "n": 1.50}', 'done', '2026-01-01', now(), 1),)"
         R"(('b', 'mail', '{"to": {"name": "x"}}', 'error', '2026-01-02', now(), 3),)"
         R"(('c', 'pdf', '{"n": 12345678901234567890}', 'done', '2026-01-03', now(), 1))");
  fail("b", "no", "refused", "2.1");
  store::JobQuery query;
  query.types = {"mail", "mail"};
  EXPECT_EQ(found(query), (Ids{"a", "b"}));
  query.statuses = {"error", "error"};
  EXPECT_EQ(found(query), Ids{"b"});
  EXPECT_EQ(insight_->count(query).counted.count, 1);
  query.statuses = {"error"};
  EXPECT_EQ(found(query), Ids{"b"});
  query = {};
  query.attempts_from = 2;
  EXPECT_EQ(found(query), Ids{"b"});
  query = {};
  query.code = "refused";
  EXPECT_EQ(found(query), Ids{"b"});
  query = {};
  query.plugin_version = "2.1";
  EXPECT_EQ(found(query), Ids{"b"});
  query = {};
  query.payload = {{{"to", "name"}, "x"}};
  EXPECT_EQ(found(query), Ids{"b"});
  query.payload = {{{"n"}, "1.50"}};
  EXPECT_EQ(found(query), Ids{"a"});
  query = {};
  query.text = "o'BRIEN 100%";
  EXPECT_EQ(found(query), Ids{"a"});
  query.text = "O%n";
  EXPECT_EQ(found(query), Ids{}) << "no pattern";
  query = {};
  query.created_from = store::Time(std::chrono::sys_days(std::chrono::January / 2 / 2026));
  query.created_before = store::Time(std::chrono::sys_days(std::chrono::January / 3 / 2026));
  EXPECT_EQ(found(query), Ids{"b"});
  EXPECT_EQ(walk(query, store::Order::newest, 1), Ids{"b"});
}

TEST_F(Insight, ColumnsAreTheServersText) {
  insert(
      R"(('a', 'mail', '{"n": 12345678901234567890.10, "t": "x\"y", "o": {"b": [1, null]}}', 'done', now(), now(), 1))");
  const auto page = insight_->jobs({}, store::Order::newest, {}, 10, {{"n"}, {"t"}, {"o", "b"}, {"none"}});
  ASSERT_EQ(page.jobs.size(), 1U);
  EXPECT_EQ(page.jobs[0].columns, (std::vector<std::optional<std::string>>{
                                      "12345678901234567890.10", R"("x\"y")", "[1, null]", std::nullopt}));
}

TEST_F(Insight, AClaimedJobIsInProcessing) {
  world_.put({"a", "noop", "{}", "pending", 10, 10, 0});
  world_.put({"b", "noop", "{}", "pending", 20, 20, 0});
  auto claims = world_.store().claims(care_->enlist(runtime_info()), 0, false);
  ASSERT_EQ(ids_of(claims->claim(claim_request({"noop"}, 1), true)), Ids{"a"});
  store::JobQuery query;
  query.statuses = {"processing"};
  EXPECT_EQ(found(query), Ids{"a"});
  EXPECT_EQ(insight_->count(query).counted.count, 1);
  query.statuses = {"pending"};
  EXPECT_EQ(found(query), Ids{"b"});
  const auto types = insight_->types();
  ASSERT_EQ(types.size(), 1U);
  EXPECT_EQ(types[0].processing.count, 1);
  EXPECT_EQ(types[0].pending.count, 1);
}

TEST_F(Insight, ARareJobIsFoundPageByPage) {
  world_.fill(9'000, "noop", "done", "d");
  insert(R"(('rare', 'noop', '{"x": 1}', 'done', '2020-01-01', now(), 7))");
  store::JobQuery query;
  query.attempts_from = 7;
  EXPECT_EQ(walk(query, store::Order::newest, 10), Ids{"rare"});
  const store::JobCount count = insight_->count(query);
  EXPECT_TRUE(count.counted.count == 1 || count.horizon.has_value());
}

TEST_F(Insight, ARareCodeIsFoundAtOnce) {
  world_.fill(9'000, "noop", "error", "e");
  world_.database().exec(
      "INSERT INTO sluice.attempt (job_id, attempt, type, result, code) SELECT 'e' || i, 1, 'noop', 'fail', "
      "CASE i WHEN 2 THEN 'dns' WHEN 5 THEN 'dns' WHEN 8999 THEN 'dns' ELSE 'net' END "
      "FROM generate_series(1, 9000) i; "
      "INSERT INTO sluice.attempt (job_id, attempt, type, result, code) VALUES ('e5', 2, 'noop', 'fail', "
      "'net'), ('e2', 2, 'noop', 'fail', 'dns'), ('deleted', 1, 'noop', 'fail', 'dns')");
  store::JobQuery query;
  query.statuses = {"error"};
  query.code = "dns";
  const auto page = insight_->jobs(query, store::Order::newest, {}, 10, {});
  EXPECT_FALSE(page.next);
  ASSERT_EQ(page.jobs.size(), 2U) << "the last attempt counts";
  EXPECT_EQ(page.jobs[0].job.id, "e8999");
  EXPECT_EQ(page.jobs[1].job.id, "e2");
  EXPECT_EQ(walk(query, store::Order::oldest, 1), (Ids{"e2", "e8999"}));
  EXPECT_EQ(insight_->count(query).counted.count, 2);
  query.statuses = {"done"};
  EXPECT_EQ(found(query), Ids{});
  query.statuses = {};
  query.types = {"other"};
  EXPECT_EQ(found(query), Ids{});
  query = {};
  query.code = "net";
  EXPECT_EQ(insight_->jobs(query, store::Order::newest, {}, 10, {}).jobs.size(), 10U);
}

TEST_F(Insight, CountsAreExactUpToTenThousand) {
  world_.fill(10'000, "noop", "pending", "p");
  EXPECT_EQ(insight_->count({}).counted.count, 10'000);
  EXPECT_FALSE(insight_->count({}).counted.more);
  EXPECT_FALSE(insight_->types().at(0).pending.more);
  insert("('one', 'noop', '{}', 'pending', now(), now(), 0)");
  const store::JobCount count = insight_->count({});
  EXPECT_EQ(count.counted.count, 10'000);
  EXPECT_TRUE(count.counted.more);
  EXPECT_TRUE(insight_->types().at(0).pending.more);
}

TEST_F(Insight, TypesAreAllThatWereEverServedOrHaveJobs) {
  const auto runtime = care_->enlist(runtime_info());
  care_->serve(runtime, {{"mail", "mailer", "1.2", {}}});
  insert(
      "('a', 'orphan', '{}', 'pending', now() AT TIME ZONE 'UTC' - interval '1 min', now(), 0),"
      "('b', 'mail', '{}', 'error', now(), now(), 3), ('c', 'mail', '{}', 'scheduled', now(), now(), 0)");
  care_->count({{"mail", "1.2", "done", 3, 1, {}, {}}});
  const auto types = insight_->types();
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(types[0].type, "mail");
  EXPECT_EQ(types[0].plugin, "mailer");
  EXPECT_EQ(types[0].plugin_version, "1.2");
  EXPECT_TRUE(types[0].served);
  EXPECT_EQ(types[0].error.count, 1);
  EXPECT_EQ(types[0].scheduled.count, 1);
  EXPECT_EQ(types[0].last_hour.done, 3);
  EXPECT_EQ(types[1].type, "orphan");
  EXPECT_EQ(types[1].pending.count, 1);
  EXPECT_NEAR(types[1].oldest_pending.value(), 60, 30);
  EXPECT_FALSE(types[1].served);
  EXPECT_FALSE(types[1].paused);
}

TEST_F(Insight, FailuresThatDifferOnlyInValuesAreOneGroup) {
  fail("a", "can't reach host 10.0.0.1: timeout after 31 ms\nmore", "net", "1");
  fail("b", "can't reach host 10.0.0.2: timeout after 29 ms", "net", "2");
  fail("c", "unknown user 'bob'", "", "2");
  world_.database().exec("UPDATE sluice.attempt SET at = at - interval '1 min' WHERE job_id = 'a'");
  const store::Failures failures = insight_->failures(now() - std::chrono::hours(1), now() + seconds(60));
  EXPECT_EQ(failures.attempts, 3);
  EXPECT_FALSE(failures.more);
  ASSERT_EQ(failures.groups.size(), 2U);
  const auto& first = failures.groups[0];
  EXPECT_EQ(first.attempts, 2);
  EXPECT_EQ(first.message, "can't reach host #.#.#.#: timeout after # ms");
  EXPECT_EQ(first.versions, (Ids{"1", "2"}));
  EXPECT_EQ(first.example, "b");
  EXPECT_GT(first.first.age, first.last.age);
  EXPECT_EQ(failures.groups[1].message, "unknown user '…'");
  EXPECT_TRUE(
      insight_->failures(now() - std::chrono::hours(3), now() - std::chrono::hours(2)).groups.empty());
}

TEST_F(Insight, TheDatabaseSaysWhatHoldsBackVacuum) {
  Session other(world_.database().url());
  other.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM sluice.outbox");
  const store::DatabaseState state = insight_->database();
  other.exec("ROLLBACK");
  EXPECT_FALSE(state.server_version.empty());
  EXPECT_TRUE(state.sees_all);
  EXPECT_GT(state.database_bytes, 0);
  EXPECT_GT(state.schema_bytes, 0);
  EXPECT_GT(state.connections, 0);
  EXPECT_GT(state.connections_max, state.connections);
  const auto is_other = [](const auto& holder) {
    return holder.kind == "session" && holder.name.find("idle in transaction") != std::string::npos;
  };
  EXPECT_TRUE(std::any_of(state.oldest.begin(), state.oldest.end(), is_other));
}

TEST_F(Insight, AStatementThatTakesTooLongLeavesTheSessionUsable) {
  insert("('a', 'noop', '{}', 'pending', now(), now(), 0)");
  world_.database().exec(
      "CREATE FUNCTION slow() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM pg_sleep(30); "
      "RETURN true; END $$;"
      "ALTER TABLE sluice.paused RENAME TO paused_slowly;"
      "CREATE VIEW sluice.paused AS SELECT * FROM sluice.paused_slowly WHERE slow();"
      "INSERT INTO sluice.paused_slowly (type, actor, reason) VALUES ('x', '', '')");
  const std::string backend =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client "
      "backend'";
  EXPECT_EQ(insight_->jobs({}, store::Order::newest, {}, 1, {}).jobs.size(), 1U);
  const std::string before = world_.database().value(backend);
  EXPECT_THROW(insight_->types(), store::TimedOut);
  EXPECT_EQ(world_.database().value(backend), before) << "the connection stays";
  EXPECT_EQ(insight_->jobs({}, store::Order::newest, {}, 1, {}).jobs.size(), 1U);
}

TEST_F(Insight, ChangesByHandAreRecordedWithWhoMadeThem) {
  insert(
      "('a', 'mail', '{}', 'error', now(), now(), 3), ('b', 'mail', '{}', 'done', '2026-01-01', now(), 1),"
      "('c', 'mail', '{}', 'done', '2026-01-02', now(), 1), ('d', 'mail', '{}', 'pending', now(), now(), 0)");
  const auto desk = postgres::open_job_desk({world_.database().url()}, {});
  desk->retry({"nobody"});
  EXPECT_TRUE(insight_->audit({}, 10).entries.empty()) << "without an actor nothing is recorded";
  desk->act_as({"ann", "operator", "dashboard"});
  desk->retry({"a", "nobody"});
  desk->cancel({"d"});
  store::JobFilter done;
  done.statuses = {"done"};
  done.types = {"mail"};
  done.created_before = store::Time(std::chrono::sys_days(std::chrono::January / 1 / 2030));
  store::Walk walk;
  while (!walk.over) desk->remove_some(done, walk, 1);
  desk->record("reload", {{"host", "web \"1\""}}, {});
  const auto page = insight_->audit({}, 3);
  ASSERT_EQ(page.entries.size(), 3U);
  EXPECT_EQ(page.entries[0].action, "reload");
  EXPECT_EQ(page.entries[0].filter, R"({"host": "web \"1\""})");
  EXPECT_EQ(page.entries[1].action, "delete");
  EXPECT_EQ(page.entries[1].affected, 2);
  EXPECT_TRUE(page.entries[1].over);
  EXPECT_EQ(page.entries[1].filter,
            R"({"types": ["mail"], "statuses": ["done"], "created_before": "2030-01-01T00:00:00.000Z"})");
  EXPECT_EQ(page.entries[2].action, "cancel");
  const auto rest = insight_->audit(page.next, 3);
  ASSERT_EQ(rest.entries.size(), 1U);
  EXPECT_FALSE(rest.next);
  const auto& first = rest.entries[0];
  EXPECT_EQ(first.actor + " " + first.role + " " + first.source, "ann operator dashboard");
  EXPECT_EQ(first.action, "retry");
  EXPECT_EQ(first.ids, (Ids{"a", "nobody"}));
  EXPECT_EQ(first.affected, 1);
  world_.database().exec("UPDATE sluice.audit SET at = at - interval '25 hours'");
  while (!care_->tidy(1000, keep_audit).over) {
  }
  EXPECT_TRUE(insight_->audit({}, 10).entries.empty()) << "records expire";
}

TEST_F(Insight, ATypeShowsItsLastHourMinuteByMinuteAndTheVersionsThatRan) {
  world_.database().exec(
      "INSERT INTO sluice.minute (minute, type, plugin_version, outcome, count, busy, waiting, running) "
      "SELECT date_trunc('minute', now()) - ago, 'mail', version, outcome, count, '1 s', '{}', '{}' FROM "
      "(VALUES "
      "(interval '90 min', '0.9', 'done', 100), (interval '59 min', '1.0', 'done', 7), "
      "(interval '2 min', '1.0', 'done', 5), (interval '2 min', '1.1', 'retrying', 2), "
      "(interval '0 min', '1.1', 'failed', 3)) AS v (ago, version, outcome, count)");
  const auto types = insight_->types();
  ASSERT_EQ(types.size(), 1U);
  const store::TypeOverview& mail = types[0];
  // The clock may pass a minute between the two statements.
  const auto at = [&](std::size_t place) {
    return mail.minutes.done[place] + mail.minutes.done[place == 0 ? 0 : place - 1];
  };
  EXPECT_EQ(at(57), 5);
  EXPECT_EQ(
      mail.minutes.failed[59] + mail.minutes.failed[58] + mail.minutes.failed[57] + mail.minutes.failed[56],
      5);
  ASSERT_EQ(mail.versions.size(), 2U) << "older ones did not run in the last hour";
  EXPECT_EQ(mail.versions[0].version, "1.1") << "it began last";
  EXPECT_EQ(mail.versions[0].retrying, 2);
  EXPECT_EQ(mail.versions[0].failed, 3);
  EXPECT_EQ(mail.versions[1].version, "1.0");
  const auto day = insight_->versions(now() - std::chrono::hours(24), now() + seconds(60), "mail");
  ASSERT_EQ(day.size(), 3U);
  EXPECT_EQ(day[2].version, "0.9");
  EXPECT_EQ(day[2].done, 100);
  EXPECT_TRUE(insight_->versions(now() - std::chrono::hours(24), now(), "pdf").empty());
}

TEST_F(Insight, ATypeIsShownWithThePluginsThatServeItNowAndItsSchema) {
  const auto runtime = care_->enlist(runtime_info());
  store::PluginReport plugin;
  plugin.path = "/p/mail.so";
  plugin.name = "mailer";
  plugin.version = "2.0";
  plugin.state = "ready";
  plugin.types = {"mail"};
  plugin.canary = "2.1";
  care_->publish(runtime, {plugin});
  care_->publish_settings(runtime, R"({"retry.max_attempts":"5"})");
  care_->serve(runtime, {{"mail", "mailer", "2.0", {}, R"({"type": "object"})"}});
  const auto types = insight_->types();
  ASSERT_EQ(types.size(), 1U);
  ASSERT_EQ(types[0].serving.size(), 1U);
  EXPECT_EQ(types[0].serving[0].plugin + " " + types[0].serving[0].version, "mailer 2.0");
  EXPECT_EQ(types[0].serving[0].runtimes, 1);
  EXPECT_EQ(insight_->schema("mail"), R"({"type": "object"})");
  EXPECT_EQ(insight_->schema("pdf"), "");
  const auto report = world_.store().desk()->report(false);
  ASSERT_EQ(report.runtimes.size(), 1U);
  EXPECT_EQ(report.runtimes[0].settings, R"({"retry.max_attempts": "5"})");
  EXPECT_EQ(report.runtimes[0].plugins[0].plugin.canary, "2.1");
  care_->leave(runtime, {});
  EXPECT_TRUE(insight_->types()[0].serving.empty());
  EXPECT_EQ(insight_->schema("mail"), R"({"type": "object"})") << "it stays known";
}

TEST_F(Insight, MarksAreReloadsAndVersionsThatTookOver) {
  world_.database().exec(
      "INSERT INTO sluice.minute (minute, type, plugin_version, outcome, count, busy, waiting, running) "
      "SELECT date_trunc('minute', now()) - ago, type, version, 'done', 1, '1 s', '{}', '{}' FROM (VALUES "
      "(interval '40 min', 'mail', '1'), (interval '10 min', 'mail', '2'), (interval '10 min', 'post', '2'), "
      "(interval '40 min', 'post', '1'), (interval '5 min', 'mail', '1'), (interval '5 min', 'new', '7')) "
      "AS v (ago, type, version)");
  const auto desk = postgres::open_job_desk({world_.database().url()}, {});
  desk->act_as({"ann", "", "cli"});
  desk->record("reload", {{"what", "canary"}, {"runtimes", "7"}}, {});
  desk->record("enqueue", {}, {"a"});
  desk->pause("mail", "");
  const auto marks = insight_->marks(now() - std::chrono::minutes(30), now() + seconds(60));
  ASSERT_EQ(marks.size(), 3U)
      << "a version that ran before, or is the first of its type, took over from none";
  EXPECT_EQ(marks[0].kind + " " + marks[0].text, "version 2 of mail, post");
  EXPECT_EQ(marks[1].kind + " " + marks[1].text, "canary runtimes 7");
  EXPECT_EQ(marks[2].kind + " " + marks[2].text, "pause mail");
}

TEST_F(Insight, TheJobsOfAGroupOfFailuresAreCountedAndChanged) {
  for (const char* const id : {"a", "b", "c", "d", "e", "f"}) {
    insert(std::string("('") + id + "', 'mail', '{}', 'error', '2026-01-01', '2026-01-01', 1)");
  }
  fail("a", "no host 'x17'", "dns");
  fail("b", "no host 'y'", "dns");
  fail("c", "no route", "dns");
  fail("d", "no host 'z'", "other");
  fail("e", "no route", "dns");
  fail("f", "no host 'w'", "dns");
  world_.database().exec(
      "INSERT INTO sluice.schedule (job_id, status, due) SELECT id, 'error', now() + interval '1 h' FROM "
      "\"Outbox\" "
      "WHERE id <> 'b'");
  const store::FailureLikeness group{"no host '…'", ""};
  auto jobs = insight_->group_jobs("mail", "dns", group);
  EXPECT_EQ(jobs.planned.count, 2);
  EXPECT_EQ(jobs.failed.count, 1);
  EXPECT_FALSE(jobs.horizon);
  const auto desk = postgres::open_job_desk({world_.database().url()}, {});
  desk->act_as({"ann", "", "dashboard"});
  store::JobFilter filter;
  filter.statuses = {"error"};
  filter.types = {"mail"};
  filter.code = "dns";
  filter.alike = group;
  store::Walk walk;
  std::size_t changed = 0;
  for (int step = 0; !walk.over && step < 20; ++step) changed += desk->give_up_some(filter, walk, 1);
  EXPECT_TRUE(walk.over) << "it goes on behind rows that it leaves";
  EXPECT_EQ(changed, 2U) << "the job that nothing tries again is as it would be";
  EXPECT_EQ(world_.database().value("SELECT string_agg(job_id, ',' ORDER BY job_id) FROM sluice.schedule"),
            "c,d,e");
  EXPECT_EQ(world_.database().value("SELECT string_agg(job_id, ',' ORDER BY job_id) FROM sluice.attempt "
                                    "WHERE code = 'cancelled-by-hand'"),
            "a,f");
  EXPECT_EQ(insight_->audit({}, 1).entries.at(0).filter,
            R"({"code": "dns", "types": ["mail"], "message": "no host '…'", "statuses": ["error"]})");
  store::Walk again;
  changed = 0;
  for (int step = 0; !again.over && step < 20; ++step) changed += desk->retry_some(filter, again, 10);
  EXPECT_EQ(changed, 1U);
  EXPECT_EQ(world_.row("b").value().status, "pending");
  EXPECT_EQ(world_.row("c").value().status, "error");
}

TEST_F(Insight, AnInterruptedWalkIsRecordedWithWhatItDid) {
  world_.fill(3, "noop", "error", "e");
  const auto desk = postgres::open_job_desk({world_.database().url()}, {});
  desk->act_as({"ann", "", "cli"});
  store::JobFilter failed;
  failed.statuses = {"error"};
  store::Walk walk;
  desk->retry_some(failed, walk, 2);
  const auto entry = insight_->audit({}, 1).entries.at(0);
  EXPECT_EQ(entry.affected, 2);
  EXPECT_FALSE(entry.over);
}

TEST_F(Insight, APausedTypeIsShownUntilItIsResumed) {
  const auto desk = postgres::open_job_desk({world_.database().url()}, {});
  desk->act_as({"ann", "", "cli"});
  EXPECT_TRUE(desk->pause("mail", "the server moves"));
  EXPECT_FALSE(desk->pause("mail", "it still moves"));
  EXPECT_EQ(care_->paused_types(), Ids{"mail"});
  const auto types = insight_->types();
  ASSERT_EQ(types.size(), 1U);
  ASSERT_TRUE(types[0].paused);
  EXPECT_EQ(types[0].paused->actor, "ann");
  EXPECT_EQ(types[0].paused->reason, "it still moves");
  EXPECT_EQ(world_.store().desk()->report(false).paused.at(0).type, "mail");
  EXPECT_TRUE(desk->resume("mail"));
  EXPECT_FALSE(desk->resume("mail"));
  EXPECT_TRUE(care_->paused_types().empty());
  EXPECT_EQ(insight_->audit({}, 10).entries.size(), 3U);
}

// Pages read only the rows that they need, whatever the statistics say.
class InsightPlan : public testing::Test {
 protected:
  InsightPlan() : session_(world_.database().url()) {
    world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
    world_.fill(20'000, "noop", "done", "d");
    world_.fill(10'000, "other", "error", "e");
    world_.database().exec(
        "INSERT INTO sluice.attempt (job_id, attempt, type, result, at) SELECT 'e' || i, 1, '', 'fail', "
        "now() - i * "
        "interval '1 s' FROM generate_series(1, 8000) i");
  }

  std::string explain(const std::string& statement) {
    session_.exec("BEGIN; " + postgres::insight_settings() + more_settings_);
    std::string plan = session_.rows("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) " + statement);
    session_.exec("ROLLBACK");
    return plan;
  }
  void expect_short(const std::string& statement, const std::string& index, long most_pages) {
    for (const char* analysed : {"SELECT", "ANALYZE"}) {
      world_.database().exec(analysed);
      const std::string plan = explain(statement);
      EXPECT_NE(plan.find(index), std::string::npos) << plan;
      EXPECT_EQ(plan.find("Seq Scan on \"Outbox\""), std::string::npos) << plan;
      std::smatch hits;
      const std::regex pattern("shared hit=(\\d+)");
      ASSERT_TRUE(std::regex_search(plan, hits, pattern)) << plan;
      EXPECT_LT(std::stol(hits[1]), most_pages) << plan;
    }
  }
  postgres::Reading reading(const store::JobQuery& query, bool by_status) {
    return {query, store::Order::newest, store::JobKey{"2026-01-01 00:00:05", "d1"}, 21, false, by_status};
  }

  PostgresWorld world_;
  Session session_;
  std::string more_settings_;
  const postgres::TableName table_ = postgres::TableName::parse("public.Outbox");
};

TEST_F(InsightPlan, OfAPageReadsOnlyItsRows) {
  store::JobQuery query;
  expect_short(postgres::page_statement(table_, reading(query, false), 20, {{"a"}}), "Outbox_createdAt_idx",
               400);
  query.statuses = {"done"};
  query.text = "nothing";
  expect_short(postgres::page_statement(table_, reading(query, true), 20, {}), "Outbox_status_createdAt_idx",
               400);
  expect_short(postgres::matches_statement(table_, reading(query, true)), "Outbox_status_createdAt_idx", 400);
  query.types = {"no.such"};
  postgres::Reading typed = reading(query, true);
  typed.by_type = true;
  expect_short(postgres::page_statement(table_, typed, 20, {}), "Outbox_type_idx", 100);
}

TEST_F(InsightPlan, OfAFewJobsReadsOnlyThem) {
  world_.database().exec(
      "UPDATE sluice.attempt SET code = CASE WHEN id % 100 = 0 THEN 'rare' ELSE 'common' END");
  store::JobQuery query;
  query.statuses = {"error"};
  query.code = "rare";
  postgres::Reading coded = reading(query, true);
  coded.most = 2000;
  expect_short(postgres::most_of_code_statement(coded), "attempt_code_idx", 200);
  coded.by_code = true;
  expect_short(postgres::page_statement(table_, coded, 20, {}), "attempt_code_idx", 1500);
  expect_short(postgres::matches_statement(table_, coded), "Outbox_pkey", 1500);
  query.code = "common";
  expect_short(postgres::most_of_code_statement(coded), "attempt_code_idx", 2500);
  query.types = {"noop"};
  expect_short(postgres::most_of_types_statement(table_, coded), "Outbox_type_idx", 2500);
}

TEST_F(InsightPlan, OfFailuresReadsOnlyTheirTime) {
  const store::Time to = std::chrono::time_point_cast<std::chrono::microseconds>(base::WallClock::now());
  expect_short(postgres::failures_statement(to - std::chrono::minutes(1), to), "attempt_at_idx", 500);
}

TEST_F(InsightPlan, OfAGroupReadsTheNewestFailedJobs) {
  more_settings_ = "; " + postgres::group_jobs_settings();
  session_.exec("PREPARE group_jobs (text, text) AS " + postgres::group_jobs_statement(table_));
  expect_short("EXECUTE group_jobs ('other', 'x')", "Outbox_status_createdAt_idx", 100'000);
}

TEST(Likeness, ReplacesWhatDiffersFromJobToJob) {
  EXPECT_EQ(postgres::likeness("job cm1x2y3 of user 'a b' failed, it's 12% full"),
            "job # of user '…' failed, it's #% full");
  EXPECT_EQ(postgres::likeness("no \"quoted\" text, one `and` 'open"), "no '…' text, one '…' 'open");
  EXPECT_EQ(postgres::likeness("größe 0x7ffe-1"), "größe #");
}

TEST(TimeBuckets, APercentileIsWithinAFactorOfTwo) {
  for (const std::int64_t micros : {50LL, 130LL, 1'000LL, 77'000LL, 3'000'000LL, 9'000'000'000LL}) {
    store::TimeHistogram times;
    times.add(std::chrono::microseconds(micros));
    const double time = static_cast<double>(micros) / 1e6;
    EXPECT_LE(times.percentile(0.5).value(), 2 * time);
    EXPECT_GE(times.percentile(0.5).value(), time / 2);
  }
  EXPECT_EQ(store::TimeHistogram().percentile(0.5), std::nullopt);
}

}  // namespace
}  // namespace sluice::test
