// Claims as receipts: rows stay pending while their jobs run, and are written once, when the jobs end.
#include <signal.h>

#include <regex>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Receipt : public Outbox {
 protected:
  Receipt() { set_config(); }

  void set_config(const std::string& more = "", const std::string& drain_timeout = "30s") {
    config = scratch.write("receipt.toml",
                           "[retry]\nmax_attempts = 3\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n"
                           "[runtime]\npoll_interval = \"20ms\"\nheartbeat = \"300ms\"\nlease = \"2s\"\n"
                           "drain_timeout = \"" +
                               drain_timeout + "\"\n" + more);
  }
  Program& start() {
    programs_.push_back(std::make_unique<Program>(std::vector<std::string>{"run"}, environment()));
    EXPECT_TRUE(programs_.back()->says("plugins loaded")) << programs_.back()->err();
    return *programs_.back();
  }
  /// Creates a trigger that runs `body` for updates to `status` for which `condition` is true, and counts
  /// them.
  void hold_back(const std::string& status, const std::string& body, const std::string& condition = "true") {
    database.exec(
        "CREATE SEQUENCE held; CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM nextval('held'); " +
        body +
        " END $$; CREATE TRIGGER hold_back BEFORE UPDATE ON "
        "\"Outbox\" FOR EACH ROW WHEN (NEW.status " +
        status + " AND " + condition + ") EXECUTE FUNCTION hold_back()");
  }
  void insert_many_of(const std::string& type, int jobs) {
    for (int i = 0; i < jobs; ++i) insert(type + std::to_string(i), type, probe("ok"));
  }
  bool held_back(int times) {
    return eventually([&] { return std::stoi(database.value("SELECT last_value FROM held")) >= times; });
  }
  bool all_done(int jobs) {
    return eventually([&] { return count("status = 'done'") == std::to_string(jobs); });
  }
  long lines(const std::string& file) const {
    const std::string text = scratch.read(file);
    return std::count(text.begin(), text.end(), '\n');
  }
  void end_connections() {
    database.exec(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid "
        "<> "
        "pg_backend_pid()");
  }
  bool nobody_connected() {
    return eventually([&] {
      return database.value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
                 "pg_backend_pid() AND backend_type = 'client backend'") == "0";
    });
  }

  std::vector<std::unique_ptr<Program>> programs_;
};

TEST_F(Receipt, DoneJobsAreWrittenOnce) {
  insert_many(500, "test.probe", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "500");
  EXPECT_EQ(lines("started"), 500);
  // Only jobs that took over 100 ms, on a busy machine, are written twice.
  const std::string few =
      "SELECT n_tup_upd BETWEEN 500 AND 550 FROM pg_stat_user_tables WHERE relname = 'Outbox'";
  EXPECT_TRUE(eventually([&] { return database.value(few) == "t"; }))
      << database.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'Outbox'");
}

TEST_F(Receipt, JobsOfABriefTypeAreDoneInTheSameWay) {
  set_config("[type.\"test.probe\"]\nbrief = true\n");
  insert_many(200, "test.probe", probe("ok"));
  insert_many_of("test.brief", 200);
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "400");
  EXPECT_EQ(lines("started"), 400);
}

TEST_F(Receipt, AnAtMostOnceTypeIsNeverBrief) {
  set_config("[type.\"test.once\"]\nbrief = true\n");
  insert("a", "test.once", probe("ok"));
  const Ended drained = sluice({"drain"});
  EXPECT_NE(drained.err.find("a job type that runs at most once can't be brief"), std::string::npos)
      << drained.err;
  EXPECT_EQ(status("a"), "done");
}

TEST_F(Receipt, EachOutcomeIsCountedOnce) {
  insert("fails", "test.probe", probe("fail"));
  insert("retries", "test.probe", probe("retry_until", R"(,"until":3)"));
  insert("snoozes", "test.probe", probe("snooze_once", ",\"marker\":\"" + scratch.path("marker") + "\""));
  insert("says", "test.probe", probe("output", R"(,"value":7)"));
  insert("follows", "test.probe", probe("enqueue", R"(,"unique":"k")"));
  insert("ok", "test.probe", probe("ok"));
  start();
  EXPECT_TRUE(all_done(6)) << database.rows("SELECT id, status, attempts FROM \"Outbox\"");
  EXPECT_EQ(status("fails"), "error");
  EXPECT_EQ(attempts("fails"), "1");
  EXPECT_EQ(error("fails"), "as told");
  EXPECT_EQ(attempts("retries"), "3");
  EXPECT_EQ(attempts("snoozes"), "1");
  EXPECT_EQ(database.value("SELECT output FROM sluice.output WHERE job_id = 'says'"), "7");
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.claim") == "0"; }));
}

TEST_F(Receipt, AJobThatEndsItsProcessDoesNotLoop) {
  insert("crashes", "test.probe", probe("crash"));
  start();
  EXPECT_TRUE(eventually([&] { return attempts("crashes") == "3"; })) << attempts("crashes");
  EXPECT_TRUE(becomes("crashes", "error"));
  EXPECT_NE(error("crashes").find("was killed by signal 11"), std::string::npos) << error("crashes");
  EXPECT_EQ(lines("started"), 3);
}

TEST_F(Receipt, ALongJobIsProcessing) {
  insert("long", "test.probe", probe("wait_cancel"));
  insert("short", "test.probe", probe("ok"));
  Program& program = start();
  EXPECT_TRUE(becomes("short", "done"));
  EXPECT_TRUE(becomes("long", "processing"));
  EXPECT_EQ(attempts("long"), "1");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.claim"), "1");
  insert("next", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("next", "done")) << "other jobs must continue";
  EXPECT_EQ(sluice({"jobs", "cancel", "long"}).code, 0);
  EXPECT_TRUE(becomes("long", "error"));
  EXPECT_EQ(lines("started"), 3);
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.claim") == "0"; }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
}

TEST_F(Receipt, AnApplicationMayWriteAClaimedRow) {
  set_config("processing_after = \"1h\"\n");
  insert("a", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("go") + "\""));
  insert("b", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("go") + "\""));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 2));
  EXPECT_EQ(status("a"), "pending");
  Session application(database.url());
  application.exec("SET lock_timeout = '1s'");
  application.exec(R"(UPDATE "Outbox" SET payload = '{"do": "ok"}' WHERE id = 'a')");
  application.exec(R"(UPDATE "Outbox" SET status = 'cancelled' WHERE id = 'b')");
  scratch.write("go-1", "");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "1");
  EXPECT_TRUE(program.says("their jobs had been taken away")) << program.err();
  EXPECT_EQ(status("b"), "cancelled");
}

TEST_F(Receipt, ARunningJobIsShownAsRunningWhileItsRowIsPending) {
  set_config("processing_after = \"1h\"\n");
  insert("a", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("go") + "\""));
  start();
  ASSERT_TRUE(lines_in("started", 1));
  insert("b", "nobody.serves");
  EXPECT_EQ(status("a"), "pending");
  EXPECT_NE(sluice({"jobs", "show", "a"}).out.find("processing"), std::string::npos)
      << sluice({"jobs", "show", "a"}).out;
  const std::string running = sluice({"jobs", "list", "--status", "processing", "--json"}).out;
  EXPECT_NE(running.find("\"a\""), std::string::npos) << running;
  const std::string waiting = sluice({"jobs", "list", "--status", "pending", "--json"}).out;
  EXPECT_EQ(waiting.find("\"a\""), std::string::npos) << waiting;
  EXPECT_NE(waiting.find("\"b\""), std::string::npos) << waiting;
  EXPECT_EQ(sluice({"jobs", "delete", "a", "--yes"}).code, 1);
  EXPECT_EQ(sluice({"jobs", "retry", "a"}).code, 1);
  EXPECT_EQ(count("id = 'a'"), "1");
  EXPECT_EQ(sluice({"jobs", "cancel", "b"}).code, 0);
  EXPECT_EQ(status("b"), "error");
  EXPECT_EQ(sluice({"jobs", "cancel", "a"}).code, 0);
  EXPECT_TRUE(
      eventually([&] { return database.value("SELECT count(*) FROM sluice.cancel_request") == "1"; }));
  EXPECT_EQ(status("a"), "pending") << "the job is asked to stop, but still runs";
  scratch.write("go-1", "");
  EXPECT_TRUE(becomes("a", "done"));
}

TEST_F(Receipt, EachJobIsProcessingAtOnceIfProcessingAfterIsZero) {
  set_config("processing_after = \"0s\"\n");
  insert("a", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("go") + "\""));
  insert_many(200, "test.probe", probe("ok"));
  start();
  ASSERT_TRUE(lines_in("started", 1));
  EXPECT_EQ(status("a"), "processing");
  EXPECT_EQ(attempts("a"), "1");
  scratch.write("go-1", "");
  EXPECT_TRUE(all_done(201));
  EXPECT_EQ(count("attempts = 1"), "201");
}

TEST_F(Receipt, JobsAreDoneEvenIfTheTableRefusesProcessing) {
  hold_back("= 'processing'", "RAISE 'not today';");
  insert("long", "test.probe", probe("ok", R"(,"ms":400)"));
  insert_many(20, "test.probe", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "21");
  EXPECT_TRUE(held_back(1));
  set_config("processing_after = \"0s\"\n");
  insert("last", "test.probe", probe("ok"));
  const Ended drained = sluice({"drain"});
  EXPECT_NE(drained.err.find("refuses to give claimed jobs status processing"), std::string::npos)
      << drained.err;
  EXPECT_EQ(status("last"), "done");
}

TEST_F(Receipt, NoJobRunsTwiceWithTwoDrains) {
  insert_many(1000, "test.probe", probe("ok"));
  Program first({"drain"}, environment());
  set_config("[type.\"test.probe\"]\nbrief = true\n");
  Program second({"drain"}, environment());
  EXPECT_EQ(first.wait(), 0) << first.err();
  EXPECT_EQ(second.wait(), 0) << second.err();
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "1000");
  EXPECT_EQ(lines("started"), 1000);
}

TEST_F(Receipt, JobsOfAKilledRuntimeLoseOneAttempt) {
  constexpr int jobs = 60;
  set_config("[type.\"test.probe\"]\nmax_attempts = 20\n");
  insert_many(jobs, "test.probe", probe("ok", R"(,"ms":3)"));
  for (std::size_t kills = 1; kills <= 5; ++kills) {
    Program runtime({"run"}, environment());
    ASSERT_TRUE(lines_in("started", kills * 3)) << runtime.err();
    runtime.signal(SIGKILL);
    EXPECT_EQ(runtime.wait(), -SIGKILL);
    ASSERT_TRUE(nobody_connected());
  }
  start();
  EXPECT_TRUE(all_done(jobs));
  EXPECT_GE(lines("started"), jobs);
  EXPECT_EQ(count("attempts < 1"), "0");
  EXPECT_EQ(database.value("SELECT sum(attempts) FROM \"Outbox\""),
            database.value("SELECT 60 + count(*) FROM sluice.attempt WHERE code = 'runtime-lost'"));
}

TEST_F(Receipt, JobsOfAKilledHostLoseOneAttempt) {
  set_config(
      "[plugin.probe]\nslots = 1\n");  // otherwise a job that runs beside it would also lose an attempt
  insert("a", "test.probe", probe("kill"));
  insert_many(50, "test.probe", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "50");
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(attempts("a"), database.value("SELECT count(*) FROM sluice.attempt WHERE job_id = 'a'"))
      << "each kill counts once; if the drain takes longer than the backoff, the job is retried";
}

TEST_F(Receipt, ALostConnectionLosesNothingAndRepeatsNothing) {
  Program& program = start();
  insert_many(400, "test.probe", probe("ok", R"(,"ms":2)"));
  for (std::size_t losses = 1; losses <= 5; ++losses) {
    ASSERT_TRUE(lines_in("started", losses * 40));
    end_connections();
  }
  EXPECT_TRUE(all_done(400)) << program.err();
  EXPECT_EQ(count("attempts = 1"), "400");
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  EXPECT_EQ(lines("started"), 400);
}

// As after a failover to a replica that lacks the last commits: the row is as it was before its outcome was
// written, and its claim is there because of the other job.
TEST_F(Receipt, AnOutcomeThatTheServerLostIsFoundMissing) {
  insert("lost", "test.probe", probe("ok"));
  insert("long", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("go") + "\""));
  Program& program = start();
  ASSERT_TRUE(becomes("lost", "done"));
  ASSERT_TRUE(becomes("long", "processing"));
  ASSERT_EQ(database.value("SELECT count(*) FROM sluice.claim WHERE 'lost' = ANY (ids)"), "1");
  database.exec("UPDATE \"Outbox\" SET status = 'processing' WHERE id = 'lost'");
  end_connections();
  scratch.write("go-1", "");
  EXPECT_TRUE(becomes("long", "done")) << program.err();
  EXPECT_TRUE(becomes("lost", "done")) << program.err();
  EXPECT_EQ(attempts("lost"), "2");
  EXPECT_EQ(attempts("long"), "1");
  EXPECT_EQ(database.value("SELECT string_agg(job_id || ' ' || code, ',') FROM sluice.attempt"),
            "lost outcome-lost");
  EXPECT_EQ(lines("started"), 3);
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.claim") == "0"; }));
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.runtime") == "1"; }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
}

// The outcome of the first attempt belongs to a lost claim, and must not count as that of the second.
TEST_F(Receipt, AFencedRuntimeDistinguishesTheAttemptsOfAJob) {
  insert("a", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("go") + "\""));
  Program& fenced = start();
  ASSERT_TRUE(becomes("a", "processing"));
  fenced.signal(SIGSTOP);
  PluginDirectory none{{}};
  auto other = environment();
  other["SLUICE_PLUGIN_DIR"] = none.path();
  Program rescuer({"run"}, other);
  ASSERT_TRUE(becomes("a", "pending")) << rescuer.err();
  fenced.signal(SIGCONT);
  ASSERT_TRUE(lines_in("started", 2)) << fenced.err();
  ASSERT_TRUE(eventually([&] { return attempts("a") == "2"; }));
  scratch.write("go-1", "");
  ASSERT_TRUE(fenced.says("their jobs had been taken away")) << fenced.err();
  EXPECT_EQ(status("a"), "processing") << "the second attempt still runs";
  scratch.write("go-2", "");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "2");
  EXPECT_EQ(lines("started"), 2);
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.claim") == "0"; }));
  fenced.signal(SIGTERM);
  EXPECT_EQ(fenced.wait(), 0) << fenced.err();
}

TEST_F(Receipt, AnOutcomeThatTheDatabaseRefusesIsTheJobsError) {
  hold_back("= 'done'", "RAISE 'not today';");
  start();
  insert_many(20, "test.probe", probe("ok"));
  EXPECT_TRUE(eventually([&] { return count("status = 'error' AND attempts = 1") == "20"; }));
  EXPECT_EQ(lines("started"), 20);
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE error LIKE '%not today%'"), "20");
}

// A full disk has this effect.
TEST_F(Receipt, ADatabaseThatRefusesEverythingDoesNotCauseRepeatedRuns) {
  hold_back("<> 'pending'", "RAISE 'not today';");
  start();
  insert_many(20, "test.probe", probe("ok"));
  EXPECT_TRUE(held_back(15));
  EXPECT_EQ(lines("started"), 20);
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "20");
  database.exec("DROP TRIGGER hold_back ON \"Outbox\"");
  EXPECT_TRUE(eventually([&] { return count("status IN ('done', 'error') AND attempts = 1") == "20"; }))
      << database.rows("SELECT status, attempts, count(*) FROM \"Outbox\" GROUP BY 1, 2")
      << programs_.back()->err();
  EXPECT_EQ(lines("started"), 20);
}

TEST_F(Receipt, ATableThatSuppressesEverythingDoesNotCauseRepeatedRuns) {
  hold_back("<> 'pending'", "RETURN NULL;");
  Program& program = start();
  insert_many(20, "test.probe", probe("ok"));
  EXPECT_TRUE(program.says("the update of the job's row had no effect")) << program.err();
  EXPECT_TRUE(held_back(40));
  EXPECT_EQ(lines("started"), 20);
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "20");
  database.exec("DROP TRIGGER hold_back ON \"Outbox\"");
  EXPECT_TRUE(eventually([&] { return count("status <> 'pending' AND attempts = 1") == "20"; }))
      << program.err();
  EXPECT_EQ(lines("started"), 20);
}

// Each claim locks more jobs than it may take.
TEST_F(Receipt, ADrainOfLargeJobsLeavesNone) {
  insert_many(150, "test.probe", probe("ok", ",\"fill\":\"" + std::string(200'000, 'x') + "\""));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "150");
}

TEST_F(Receipt, AStopLetsStartedJobsEndAndGivesTheOthersBack) {
  set_config("[plugin.probe]\nslots = 2\n");
  insert_many(20, "test.probe", probe("ok", R"(,"ms":70)"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 2));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  const int done = std::stoi(count("status = 'done' AND attempts = 1"));
  EXPECT_EQ(done, lines("started"));
  EXPECT_LT(done, 20);
  EXPECT_EQ(done + std::stoi(count("status = 'pending' AND attempts = 0")), 20);
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.claim"), "0");
}

TEST_F(Receipt, AStopDuringAnOutageEndsInTime) {
  set_config("", "300ms");
  Program& program = start();
  insert_many(40, "test.probe", probe("ok", R"(,"ms":20)"));
  ASSERT_TRUE(lines_in("started", 4));
  database.value(
      "UPDATE pg_database SET datallowconn = false WHERE datname = current_database() RETURNING 1");
  end_connections();
  ASSERT_TRUE(program.says("the database does not answer"));
  program.signal(SIGTERM);
  EXPECT_NE(program.wait(60), -SIGKILL) << program.err();
  database.value("UPDATE pg_database SET datallowconn = true WHERE datname = current_database() RETURNING 1");
  EXPECT_EQ(
      count("(status, attempts) NOT IN (('pending', 0), ('pending', 1), ('done', 1), ('processing', 1))"),
      "0");
  start();
  EXPECT_TRUE(all_done(40));
}

TEST_F(Receipt, RunsTheOldestFirstUpToTheLimit) {
  insert_many(40, "test.probe", probe("ok"));
  EXPECT_EQ(sluice({"drain", "--limit", "25"}).code, 0);
  EXPECT_EQ(count("status = 'done'"), "25");
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "15");
}

TEST_F(Receipt, ObeysATypesConcurrency) {
  set_config("[type.\"test.probe\"]\nconcurrency = 1\n");
  insert_many(8, "test.probe", probe("ok", ",\"ms\":5,\"end_file\":\"" + scratch.path("started") + "\""));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "8");
  // Each job writes the same line at its start and its end. If one job runs at a time, equal lines come in
  // pairs.
  std::istringstream lines(scratch.read("started"));
  int pairs = 0;
  for (std::string start, end; std::getline(lines, start) && std::getline(lines, end); ++pairs)
    EXPECT_EQ(start, end);
  EXPECT_EQ(pairs, 8);
}

// The outbox was partly drained by an earlier version.
TEST_F(Receipt, HandlesClaimsOfAnEarlierVersion) {
  database.exec(
      "DROP FUNCTION sluice.record_claim; ALTER TABLE sluice.claim DROP COLUMN xid, DROP COLUMN marked; "
      "ALTER TABLE sluice.attempt DROP COLUMN stack, DROP COLUMN plugin, DROP COLUMN plugin_version, DROP "
      "COLUMN build_id, "
      "DROP COLUMN cpu_seconds, DROP COLUMN peak_memory; ALTER TABLE sluice.plugin DROP COLUMN limits, DROP "
      "COLUMN "
      "canary; ALTER TABLE sluice.job_type DROP COLUMN payload_schema; ALTER TABLE sluice.runtime DROP "
      "COLUMN "
      "settings; "
      "ALTER TABLE sluice.plugin DROP COLUMN abi, DROP COLUMN digest, DROP COLUMN host_figures; "
      "ALTER TABLE sluice.job_type DROP COLUMN limits; DROP TABLE sluice.follow_up; DROP INDEX "
      "sluice.attempt_code_idx; "
      "DROP TABLE sluice.minute, sluice.hour, sluice.total, sluice.audit, sluice.paused; DROP FUNCTION "
      "sluice.add_to_totals; DELETE FROM sluice.migration WHERE version >= 13");
  insert_many(30, "test.probe", probe("ok"));
  database.exec(
      "UPDATE \"Outbox\" SET status = 'processing', attempts = 1 WHERE id IN ('job-1', 'job-2', 'job-3'); "
      "WITH r AS (INSERT INTO sluice.runtime (host, pid, version, command, beat_at, lease) VALUES "
      "('gone', 42, '0', 'run', now() - interval '1 h', '2 s') RETURNING id) INSERT INTO sluice.claim "
      "(runtime, pump, ids) SELECT id, 0, "
      "'{job-1,job-2}' FROM r");
  const Ended early = sluice({"drain"});
  EXPECT_NE(early.code, 0);
  EXPECT_NE(early.err.find("sluice init"), std::string::npos) << early.err;
  EXPECT_EQ(sluice({"init"}).code, 0);
  start();
  EXPECT_TRUE(all_done(29));
  EXPECT_EQ(count("status = 'done' AND attempts = 2 AND id IN ('job-1', 'job-2')"), "2");
  EXPECT_EQ(status("job-3"), "processing") << "no claim names the job";
  EXPECT_EQ(lines("started"), 29);
}

}  // namespace
}  // namespace sluice::test
