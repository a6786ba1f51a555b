// Single jobs in PostgreSQL: the plans of lists and walks, and walks during concurrent changes.
#include <gtest/gtest.h>

#include <regex>

#include "postgres/desk/job_statements.hpp"
#include "postgres/link/table_name.hpp"
#include "postgres/postgres_store.hpp"
#include "postgres/statements.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

store::JobFilter with_status(const std::string& status) {
  store::JobFilter filter;
  filter.statuses = {status};
  return filter;
}

class JobPlan : public testing::Test {
 protected:
  JobPlan() : session_(world_.database().url()) {
    world_.database().exec("ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off)");
    world_.fill(20'000, "noop", "done", "d");
    world_.fill(10'000, "noop", "error", "e");
    world_.fill(30, "noop", "processing", "p");
    world_.database().exec(
        "INSERT INTO sluice.attempt (job_id, attempt, type, result) SELECT 'e' || i, 1, '', 'fail' "
        "FROM generate_series(1, 8000) i; ANALYZE sluice.attempt");
    session_.exec(postgres::pump_settings("SET"));
  }

  /// The statement reads few pages, and uses only this index of the outbox.
  void expect_short(const std::string& statement, const std::string& index, long most_pages) {
    const std::string plan = session_.rows("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) " + statement);
    EXPECT_NE(plan.find(index), std::string::npos) << plan;
    EXPECT_EQ(plan.find("Seq Scan on \"Outbox\""), std::string::npos) << plan;
    const std::regex hits("shared hit=(\\d+)");
    std::smatch first;
    ASSERT_TRUE(std::regex_search(plan, first, hits)) << plan;
    EXPECT_LT(std::stol(first[1]), most_pages) << plan;
  }

  PostgresWorld world_;
  Session session_;
  const postgres::TableName table_ = postgres::TableName::parse("public.Outbox");
};

TEST_F(JobPlan, OfAListReadsOnlyTheRowsThatItShows) {
  const auto list = [&](const store::JobFilter& filter) {
    return postgres::list_statement(table_, filter, 20);
  };
  const char* by_status = "Index Scan Backward using \"Outbox_status_createdAt_idx\"";
  const char* by_age = "Index Scan Backward using \"Outbox_createdAt_idx\"";
  for (const char* analysed : {"SELECT", "ANALYZE \"Outbox\""}) {
    world_.database().exec(analysed);
    expect_short(list({}), by_age, 200);
    for (const char* status : {"done", "error", "pending", "processing"}) {
      expect_short(list(with_status(status)), by_status, 200);
    }
    store::JobFilter recent = with_status("error");
    recent.since = std::chrono::hours(1);
    expect_short(list(recent), by_status, 200);
    store::JobFilter stuck;
    stuck.stuck = true;
    expect_short(list(stuck), by_status, 200);
  }
}

TEST_F(JobPlan, OfAListByTypeObeysItsLimits) {
  constexpr std::size_t most = 1000;
  world_.fill(20'000, "other", "done", "o");
  for (const char* analysed : {"SELECT", "ANALYZE \"Outbox\""}) {
    world_.database().exec(analysed);
    for (const char* status : {"", "done", "error", "pending"}) {
      store::JobFilter filter;
      if (*status != '\0') filter.statuses = {status};
      filter.types = {"no.such"};
      const char* along = *status == '\0' ? "Outbox_createdAt_idx" : "Outbox_status_createdAt_idx";
      expect_short(postgres::newest_within_statement(table_, filter, 20, most), along, 2000);
      filter.types = {"other"};
      expect_short(postgres::types_within_statement(table_, filter, 20, most), "Outbox_type_idx", 2000);
    }
  }
}

TEST_F(JobPlan, OfAWalkReadsOnlyItsBatch) {
  store::JobFilter old = with_status("error");
  old.older_than = std::chrono::hours(1);
  old.unscheduled = true;
  session_.exec("PREPARE remove AS " +
                postgres::batch_statement(table_, old, postgres::BatchChange::remove, 100));
  session_.exec("PREPARE retry AS " +
                postgres::batch_statement(table_, old, postgres::BatchChange::retry, 100));
  session_.exec("BEGIN");
  expect_short("EXECUTE retry ('-infinity', '2026-01-01')", "Outbox_status_createdAt_idx", 6000);
  expect_short("EXECUTE remove ('-infinity', '2026-01-01')", "attempt_job_id_idx", 6000);
}

class JobDesk : public testing::Test {
 protected:
  std::string listed(const store::JobFilter& filter, std::size_t limit) {
    const store::Listing listing = desk_->list(filter, limit, false);
    std::string ids;
    for (const auto& job : listing.jobs) ids += job.id + " ";
    return ids + (listing.horizon ? "stopped" : "all");
  }
  std::string statuses() {
    return world_.database().value("SELECT string_agg(id || ' ' || status, ',' ORDER BY id) FROM \"Outbox\"");
  }
  std::string status(const std::string& id) { return world_.row(id).value().status; }

  PostgresWorld world_;
  std::unique_ptr<store::JobDesk> desk_ = postgres::open_job_desk({world_.database().url()}, {});
};

TEST_F(JobDesk, AListByTypeIsCompleteOrSaysThatItIsNot) {
  world_.fill(6000, "many", "error", "old");
  world_.fill(5, "few", "error", "few");
  world_.fill(5, "few", "done", "fine");
  world_.database().exec(
      "UPDATE \"Outbox\" SET \"createdAt\" = \"createdAt\" - interval '2 h' WHERE type = 'many' OR id = "
      "'few1'; "
      "UPDATE \"Outbox\" SET \"createdAt\" = \"createdAt\" + interval '2 h' WHERE id IN ('few2', 'few3', "
      "'few4', 'few5')");
  world_.fill(5999, "other", "error", "new");
  store::JobFilter filter = with_status("error");
  filter.types = {"few"};
  EXPECT_EQ(listed(filter, 3), "few5 few4 few3 all")
      << "they are found among the newest rows or by their type";
  EXPECT_EQ(listed(filter, 9), "few5 few4 few3 few2 few1 all");
  filter.types = {"many"};
  EXPECT_EQ(listed(filter, 3), "stopped") << "too many newer rows have another type";
  EXPECT_EQ(desk_->list(filter, 3, true).jobs.at(0).id, "old6000");
  filter.types = {"few", "many"};
  EXPECT_EQ(listed(filter, 4), "few5 few4 few3 few2 all");
  EXPECT_EQ(listed(filter, 5), "few5 few4 few3 few2 stopped") << "the missing jobs are older";
  filter.types = {"other"};
  EXPECT_EQ(listed(filter, 2), "new5999 new5998 all");
  filter.types = {"few"};
  filter.statuses = {};
  EXPECT_EQ(listed(filter, 5), "few5 few4 few3 few2 fine5 all");
}

TEST_F(JobDesk, ListsTheSameOnLeanIndexes) {
  world_.fill(3, "a", "error", "e");
  world_.fill(2, "b", "done", "d");
  world_.database().exec(
      "UPDATE \"Outbox\" SET \"createdAt\" = \"createdAt\" + interval '1 h' WHERE id LIKE 'd%'");
  store::JobFilter type;
  type.types = {"a"};
  for (const store::Indexes indexes : {store::Indexes::guide, store::Indexes::lean}) {
    world_.store().desk()->set_indexes(indexes);
    EXPECT_EQ(listed({}, 3), "d2 d1 e3 all");
    EXPECT_EQ(listed(type, 2), "e3 e2 all");
    EXPECT_EQ(listed(with_status("error"), 1), "e3 all");
  }
}

TEST_F(JobDesk, AWalkDoesNotMeetJobsThatGrowOldMeanwhile) {
  world_.fill(3, "noop", "done", "d");
  world_.database().exec("UPDATE \"Outbox\" SET \"createdAt\" = '2026-01-01', \"updatedAt\" = '2026-01-01'");
  store::JobFilter old = with_status("done");
  old.older_than = std::chrono::hours(1);
  store::Walk walk;
  EXPECT_EQ(desk_->remove_some(old, walk, 2), 2U);
  world_.database().exec("UPDATE \"Outbox\" SET \"createdAt\" = timestamp '" + walk.begun +
                         "' - interval '1 h' + interval '1 ms'; SELECT pg_sleep(0.01)");
  EXPECT_EQ(desk_->remove_some(old, walk, 2), 0U) << "it was not old enough when the walk began";
  EXPECT_TRUE(walk.over);
  EXPECT_EQ(desk_->count(old), 1);
}

TEST_F(JobDesk, TimesOfAFilterStayWhatTheyAre) {
  world_.fill(4, "noop", "done", "d");
  world_.database().exec(
      "UPDATE \"Outbox\" SET \"updatedAt\" = '2026-01-01', \"createdAt\" = timestamp '2026-11-01 12:00' + "
      "CASE id WHEN 'd1' THEN interval '-1 ms' WHEN 'd2' THEN interval '0' WHEN 'd3' THEN interval '999 ms' "
      "ELSE "
      "interval '1 s' END");
  const store::Time noon =
      store::Time(std::chrono::sys_days(std::chrono::November / 1 / 2026)) + std::chrono::hours(12);
  store::JobFilter filter = with_status("done");
  filter.created_from = noon;
  filter.created_before = noon + std::chrono::seconds(1);
  EXPECT_EQ(desk_->count(filter), 2);
  EXPECT_EQ(listed(filter, 9), "d3 d2 all");
  filter.created_from.reset();
  filter.created_before = noon;
  store::Walk walk;
  EXPECT_EQ(desk_->remove_some(filter, walk, 10), 1U);
  EXPECT_EQ(statuses(), "d2 done,d3 done,d4 done");
}

TEST_F(JobDesk, AWalkVisitsEachJobOnceEvenIfItFailsAgain) {
  world_.fill(5, "noop", "error", "e");
  world_.database().exec(
      "UPDATE \"Outbox\" SET \"updatedAt\" = (now() AT TIME ZONE 'UTC') + interval '1 h' WHERE id = 'e4'");
  store::Walk walk;
  std::size_t retried = 0;
  for (int step = 0; !walk.over && step < 10; ++step) {
    retried += desk_->retry_some(with_status("error"), walk, 2);
    world_.database().exec(
        "UPDATE \"Outbox\" SET status = 'error', \"updatedAt\" = clock_timestamp() AT TIME ZONE 'UTC' "
        "WHERE status = 'pending'");
  }
  EXPECT_EQ(retried, 5U);
  EXPECT_TRUE(walk.over);
}

TEST_F(JobDesk, AWalkVisitsWhatFailedJustBefore) {
  world_.fill(5, "noop", "error", "e");
  for (int round = 0; round < 10; ++round) {
    world_.database().exec(
        "UPDATE \"Outbox\" SET status = 'error', \"updatedAt\" = clock_timestamp() AT TIME ZONE 'UTC'");
    store::Walk walk;
    EXPECT_EQ(desk_->retry_some(with_status("error"), walk, 100), 5U);
  }
}

TEST_F(JobDesk, AWalkSkipsLockedRows) {
  world_.fill(3, "noop", "done", "d");
  Session application(world_.database().url());
  application.exec("BEGIN; SELECT FROM \"Outbox\" WHERE id = 'd2' FOR UPDATE");
  store::Walk walk;
  EXPECT_EQ(desk_->remove_some(with_status("done"), walk, 100), 2U);
  EXPECT_TRUE(walk.over);
  application.exec("COMMIT");
  EXPECT_EQ(statuses(), "d2 done");
}

TEST_F(JobDesk, AcceptsAnyText) {
  const std::string odd = "a'b\\c{outbox}{rest}";
  world_.put({odd, odd, "{}", odd, 0, 0, 0});
  store::JobFilter filter = with_status(odd);
  filter.types = {odd};
  EXPECT_EQ(desk_->list(filter, 10, false).jobs.at(0).id, odd);
  EXPECT_EQ(desk_->count(filter), 1);
  EXPECT_EQ(desk_->show(odd)->job.type, odd);
  EXPECT_EQ(desk_->retry({odd, odd}).size(), 1U);
  filter.statuses = {"done"};
  store::Walk walk;
  EXPECT_EQ(desk_->remove_some(filter, walk, 10), 0U);
}

TEST_F(JobDesk, ALockedRowDoesNotDelayOthers) {
  auto care = world_.store().care();
  const auto runtime = care->enlist(runtime_info());
  for (const char* id : {"due-held", "due", "lost-held", "lost", "asked-held", "asked"}) {
    world_.put({id, "noop", "{}", std::string(id).starts_with("lost") ? "pending" : "error", 0, 0, 1});
  }
  world_.store().claims(runtime, 0, false)->claim(claim_request({"noop"}, 9), true);
  world_.database().exec(
      "INSERT INTO sluice.schedule SELECT id, now(), 'error' FROM \"Outbox\" WHERE id NOT LIKE 'lost%'; "
      "INSERT INTO sluice.cancel_request SELECT id FROM \"Outbox\" WHERE id LIKE 'asked%'");
  Session application(world_.database().url());
  application.exec("BEGIN; UPDATE \"Outbox\" SET payload = payload WHERE id LIKE '%held'");
  EXPECT_TRUE(care->cancel_requests(runtime).empty());
  EXPECT_EQ(status("asked"), "error");
  const store::Promoted promoted = care->promote_due(10);
  EXPECT_EQ(promoted.used, 1U);
  EXPECT_EQ(promoted.held, 2U);
  EXPECT_NE(care->blocker("due-held").find("UPDATE \"Outbox\""), std::string::npos)
      << care->blocker("due-held");
  EXPECT_EQ(status("due"), "pending");
  world_.database().exec("UPDATE sluice.runtime SET beat_at = beat_at - interval '1 min'");
  const store::Rescued rescued = care->rescue({}, {});
  EXPECT_EQ(rescued.runtimes, 1U);
  EXPECT_EQ(rescued.pending, 1U);
  EXPECT_EQ(status("lost"), "pending");
  EXPECT_FALSE(world_.store().heart(std::chrono::seconds(5))->beat(runtime))
      << "the runtime must be fenced anyway";
  application.exec("COMMIT");
  EXPECT_EQ(care->rescue({}, {}).pending, 1U);
  EXPECT_EQ(status("lost-held"), "pending");
  world_.database().exec("UPDATE sluice.schedule SET due = now()");
  EXPECT_EQ(care->promote_due(10).used, 2U);
  EXPECT_EQ(world_.database().value("SELECT count(*) FROM sluice.runtime"), "0");
  EXPECT_EQ(world_.database().value("SELECT count(*) FROM sluice.claim"), "0");
}

TEST_F(JobDesk, DoesNotWaitForALockOnTheTable) {
  world_.put({"a", "noop", "{}", "error", 0, 0, 1});
  world_.database().exec("INSERT INTO sluice.schedule VALUES ('a', now(), 'error')");
  auto care = world_.store().care();
  Session application(world_.database().url());
  application.exec("BEGIN; LOCK TABLE \"Outbox\" IN SHARE MODE");
  EXPECT_THROW(care->promote_due(10), store::HeldUp);
  EXPECT_NE(care->blocker({}).find("LOCK TABLE"), std::string::npos) << care->blocker({});
  application.exec("COMMIT");
  EXPECT_EQ(care->promote_due(10).used, 1U);
}

TEST_F(JobDesk, ALateOutcomeOfARetriedJobChangesNothing) {
  world_.put({"a", "noop", "{}", "pending", 0, 0, 0});
  auto care = world_.store().care();
  const auto lost = care->enlist(runtime_info());
  const auto claimed = world_.store().claims(lost, 0, false)->claim(claim_request({"noop"}, 1), true);
  ASSERT_EQ(desk_->retry({"a"}).at(0).state.standing, store::Standing::running);
  world_.database().exec("UPDATE sluice.runtime SET lease = '0 s'");
  const auto retried = desk_->retry({"a"});
  EXPECT_TRUE(retried.at(0).changed);
  EXPECT_EQ(retried.at(0).state.standing, store::Standing::lost);
  EXPECT_EQ(statuses(), "a pending");
  EXPECT_EQ(world_.store().finishes()->finish({settlement(claimed.jobs.at(0).job)}, {claimed.claim}).size(),
            1U);
  EXPECT_EQ(statuses(), "a pending");
}

TEST_F(JobDesk, ShowsWhoRanADoneJobWhileItsTraceIsKept) {
  for (const char* id : {"a", "b", "old"}) world_.put({id, "noop", "{}", "done", 0, 0, 1});
  world_.database().exec(
      "UPDATE \"Outbox\" SET \"updatedAt\" = \"updatedAt\" - interval '1 h' WHERE id = 'old'");
  auto care = world_.store().care();
  const auto runtime = care->enlist(runtime_info());
  care->trace(runtime, {{"a", 2, 42, 0.5, 1.25}, {"old", 1, 43, 0, 0.000125}}, std::chrono::hours(1));
  care->trace(runtime, {{"b", 1, 44, 0, 0}}, std::chrono::microseconds(0));
  const auto a = desk_->show("a")->done_run;
  ASSERT_TRUE(a);
  EXPECT_EQ(a->attempt, 2);
  EXPECT_EQ(a->holder.id, runtime);
  EXPECT_EQ(a->holder.host, runtime_info().host);
  EXPECT_EQ(a->host_pid, 42);
  EXPECT_NEAR(a->ended.age, 0.5, 0.49);
  EXPECT_EQ(a->took, 1.25);
  ASSERT_TRUE(desk_->show("old")->done_run) << "the time of the row's last change does not matter";
  EXPECT_NEAR(desk_->show("old")->done_run->took, 0.000125, 1e-9);
  EXPECT_TRUE(desk_->show("b")->done_run);
  EXPECT_EQ(care->tidy(100, keep_audit).deleted, 1U);
  EXPECT_FALSE(desk_->show("b")->done_run);
  EXPECT_TRUE(desk_->show("a")->done_run);
  world_.set_status("a", "pending");
  EXPECT_FALSE(desk_->show("a")->done_run) << "the job will run again";
}

}  // namespace
}  // namespace sluice::test
