// Brief jobs: claimed under row locks, written once.
#include <signal.h>

#include <regex>

#include "runtime/outbox.hpp"

namespace sluice::test {
namespace {

class Brief : public Outbox {
 protected:
  Brief() { set_config(); }

  void set_config(const std::string& more = "", const std::string& drain_timeout = "30s") {
    config = scratch.write("brief.toml",
                           "[retry]\nmax_attempts = 3\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n"
                           "[runtime]\npoll_interval = \"20ms\"\nheartbeat = \"300ms\"\nlease = \"2s\"\n"
                           "drain_timeout = \"" +
                               drain_timeout + "\"\n[type.\"test.probe\"]\nbrief = true\n" + more);
  }
  Program& start() {
    programs_.push_back(std::make_unique<Program>(std::vector<std::string>{"run"}, environment()));
    EXPECT_TRUE(programs_.back()->says("plugins loaded")) << programs_.back()->err();
    return *programs_.back();
  }
  /// Has the outbox answer an update to `status` where `condition` holds with `body`, and count how often.
  void hold_back(const std::string& status, const std::string& body, const std::string& condition = "true") {
    database.exec(
        "CREATE SEQUENCE held; CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM nextval('held'); " +
        body +
        " END $$; CREATE TRIGGER hold_back BEFORE UPDATE ON "
        "\"Outbox\" FOR EACH ROW WHEN (NEW.status " +
        status + " AND " + condition + ") EXECUTE FUNCTION hold_back()");
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
  std::string claims_ever() {
    return database.value("SELECT last_value - $1::bigint FROM sluice.claim_id_seq", {first_claim_});
  }
  const std::string first_claim_ = database.value("SELECT last_value FROM sluice.claim_id_seq");
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

 private:
  std::vector<std::unique_ptr<Program>> programs_;
};

TEST_F(Brief, JobsThatAreDoneAreWrittenOnce) {
  insert_many(500, "test.probe", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "500");
  EXPECT_EQ(lines("started"), 500);
  // Twice, those alone that took over 100 ms of a busy machine.
  const std::string few =
      "SELECT n_tup_upd BETWEEN 500 AND 550 FROM pg_stat_user_tables WHERE relname = 'Outbox'";
  EXPECT_TRUE(eventually([&] { return database.value(few) == "t"; }))
      << database.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'Outbox'");
}

TEST_F(Brief, APluginMaySayItItself) {
  set_config("[type.\"test.brief\"]\n");
  insert_many(20, "test.brief", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "20");
  EXPECT_EQ(claims_ever(), "0");
  EXPECT_NE(sluice({"plugin", "inspect", plugins.path() + "/probe.so"}).out.find("written once"),
            std::string::npos);
}

TEST_F(Brief, TheOperatorMaySayNo) {
  set_config("[type.\"test.brief\"]\nbrief = false\n");
  insert("a", "test.brief", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(claims_ever(), "1");
}

TEST_F(Brief, IsNotForWhatRunsAtMostOnce) {
  set_config("[type.\"test.once\"]\nbrief = true\n");
  insert("a", "test.once", probe("ok"));
  const Ended drained = sluice({"drain"});
  EXPECT_NE(drained.err.find("a job type that runs at most once can't be brief"), std::string::npos)
      << drained.err;
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(claims_ever(), "1");
}

TEST_F(Brief, AnyOtherOutcomeIsAsWithOrdinaryJobs) {
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

TEST_F(Brief, AJobThatEndsItsProcessDoesNotLoop) {
  insert("crashes", "test.probe", probe("crash"));
  start();
  EXPECT_TRUE(eventually([&] { return attempts("crashes") == "3"; })) << attempts("crashes");
  EXPECT_TRUE(becomes("crashes", "error"));
  EXPECT_NE(error("crashes").find("was killed by signal 11"), std::string::npos) << error("crashes");
  EXPECT_EQ(lines("started"), 3);
}

TEST_F(Brief, AJobThatTakesLongBecomesAnOrdinaryOne) {
  insert("long", "test.probe", probe("wait_cancel"));
  insert("short", "test.probe", probe("ok"));
  Program& program = start();
  EXPECT_TRUE(becomes("short", "done"));
  EXPECT_TRUE(becomes("long", "processing")) << "its row is not kept locked";
  EXPECT_EQ(attempts("long"), "1");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.claim"), "1");
  insert("next", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("next", "done")) << "others go on";
  EXPECT_EQ(sluice({"jobs", "cancel", "long"}).code, 0);
  EXPECT_TRUE(becomes("long", "error"));
  EXPECT_EQ(lines("started"), 3);
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.claim") == "0"; }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
}

TEST_F(Brief, AnApplicationsWriteWaitsForTheLockAtMost) {
  insert("a", "test.probe", probe("wait_cancel"));
  start();
  ASSERT_TRUE(lines_in("started", 1));
  Session application(database.url());
  application.exec("SET statement_timeout = '10s'");
  application.exec(R"(UPDATE "Outbox" SET payload = '{"do": "ok"}' WHERE id = 'a')");
  EXPECT_TRUE(eventually([&] { return status("a") == "processing"; }));
}

TEST_F(Brief, NoJobRunsTwiceBesideOthers) {
  insert_many(1000, "test.probe", probe("ok"));
  Program first({"drain"}, environment());
  config = scratch.write("ordinary.toml", "# nothing is brief\n");
  Program second({"drain"}, environment());
  EXPECT_EQ(first.wait(), 0) << first.err();
  EXPECT_EQ(second.wait(), 0) << second.err();
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "1000");
  EXPECT_EQ(lines("started"), 1000);
}

TEST_F(Brief, AKilledRuntimeLeavesItsJobsAsTheyWere) {
  constexpr int jobs = 60;
  insert_many(jobs, "test.probe", probe("ok", R"(,"ms":3)"));
  for (std::size_t kills = 1; kills <= 5; ++kills) {
    Program runtime({"run"}, environment());
    ASSERT_TRUE(lines_in("started", kills * 3)) << runtime.err();
    runtime.signal(SIGKILL);
    EXPECT_EQ(runtime.wait(), -SIGKILL);
    ASSERT_TRUE(nobody_connected());
    EXPECT_EQ(count("(status, attempts) NOT IN (('pending', 0), ('done', 1), ('processing', 1))"), "0");
  }
  start();
  EXPECT_TRUE(all_done(jobs));
  EXPECT_GE(lines("started"), jobs);
}

TEST_F(Brief, AHostKilledOutrightCostsItsJobsOneAttempt) {
  set_config("[plugin.probe]\nslots = 1\n");  // what has started beside it is charged, too
  insert("a", "test.probe", probe("kill"));
  insert_many(50, "test.probe", probe("ok"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "50");
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(attempts("a"), database.value("SELECT count(*) FROM sluice.attempt WHERE job_id = 'a'"))
      << "one for each kill: it is tried again where the drain takes longer than its backoff";
}

// The server lets others have the rows as soon as their connection is lost.
TEST_F(Brief, ALostConnectionLosesNothingAndWhatMayRunTwiceIsSaid) {
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
  const std::string log = program.err();
  const std::regex told("outcomes were written is not known.*\"count\":(\\d+)");
  long said = 0;
  for (std::sregex_iterator i(log.begin(), log.end(), told), end; i != end; ++i) said += std::stol((*i)[1]);
  EXPECT_LE(lines("started") - 400, said) << log;
}

TEST_F(Brief, AFrozenRuntimeChangesNothingLater) {
  insert("a", "test.probe", probe("ok", R"(,"ms":50)"));
  Program& frozen = start();
  ASSERT_TRUE(lines_in("started", 1));
  const std::vector<pid_t> hosts = frozen.children();
  frozen.signal(SIGSTOP);
  for (const pid_t host : hosts) kill(host, SIGSTOP);
  start();
  EXPECT_TRUE(becomes("a", "done"))
      << "the server ends a transaction that stays idle, another runtime a claim";
  const std::string written = database.value(R"(SELECT "updatedAt" FROM "Outbox")");
  for (const pid_t host : hosts) kill(host, SIGCONT);
  frozen.signal(SIGCONT);
  EXPECT_TRUE(frozen.says("goes on under a new id"));
  insert("b", "test.probe");
  EXPECT_TRUE(becomes("b", "done"));
  EXPECT_EQ(database.value(R"(SELECT "updatedAt" FROM "Outbox" WHERE id = 'a')"), written);
}

// The outcome of the first attempt, which belongs to a lost claim, must not pass for that of the second.
TEST_F(Brief, AFencedRuntimeTellsTheAttemptsOfAJobApart) {
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
  EXPECT_EQ(status("a"), "processing") << "its second attempt runs";
  scratch.write("go-2", "");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "2");
  EXPECT_EQ(lines("started"), 2);
  EXPECT_TRUE(eventually([&] { return database.value("SELECT count(*) FROM sluice.claim") == "0"; }));
  fenced.signal(SIGTERM);
  EXPECT_EQ(fenced.wait(), 0) << fenced.err();
}

TEST_F(Brief, AnOutcomeThatTheDatabaseRefusesIsTheJobsError) {
  hold_back("= 'done'", "RAISE 'not today';");
  start();
  insert_many(20, "test.probe", probe("ok"));
  EXPECT_TRUE(eventually([&] { return count("status = 'error' AND attempts = 1") == "20"; }));
  EXPECT_LE(lines("started"), 60) << "each brief pump may run a job once, before it knows";
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE error LIKE '%not today%'"), "20");
}

// As a full disk does.
TEST_F(Brief, ADatabaseThatRefusesEverythingDoesNotHaveJobsRunInCircles) {
  hold_back("<> 'pending'", "RAISE 'not today';");
  start();
  insert_many(20, "test.probe", probe("ok"));
  EXPECT_TRUE(held_back(15));
  EXPECT_LE(lines("started"), 60);
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "20");
  database.exec("DROP TRIGGER hold_back ON \"Outbox\"");
  EXPECT_TRUE(all_done(20));
  EXPECT_LE(lines("started"), 80);
}

TEST_F(Brief, ATableThatHoldsBackUpdatesIsTold) {
  hold_back("= 'done'", "RETURN NULL;", "OLD.status = 'pending'");
  Program& program = start();
  insert("a", "test.probe", probe("ok"));
  EXPECT_TRUE(program.says("the table took 0 of 1 rows"));
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "1");
}

TEST_F(Brief, ATableThatHoldsBackEverythingDoesNotHaveJobsRunInCircles) {
  hold_back("<> 'pending'", "RETURN NULL;");
  insert_many(20, "test.probe", probe("ok"));
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_NE(drained.err.find("the table held back updates of locked jobs"), std::string::npos) << drained.err;
  EXPECT_LE(lines("started"), 60) << "each brief pump may run a job once, before it knows";
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "20");
  Program& program = start();
  insert("long", "test.probe", probe("ok", R"(,"ms":200)"));
  EXPECT_TRUE(program.says("the table held back updates of locked jobs"));
  database.exec("DROP TRIGGER hold_back ON \"Outbox\"");
  EXPECT_TRUE(all_done(21));
}

// Each claim locks more of them than it may take.
TEST_F(Brief, ADrainEndsWithNothingLeftOfLargeJobs) {
  insert_many(150, "test.probe", probe("ok", ",\"fill\":\"" + std::string(200'000, 'x') + "\""));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "150");
}

TEST_F(Brief, AStopLetsStartedJobsEndAndGivesTheRestBack) {
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

TEST_F(Brief, ADatabaseThatStaysLostEndsAStopInTime) {
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
  EXPECT_EQ(count("(status, attempts) NOT IN (('pending', 0), ('done', 1), ('processing', 1))"), "0");
  start();
  EXPECT_TRUE(all_done(40));
}

TEST_F(Brief, RunsTheOldestFirstAndNoMoreThanAskedFor) {
  insert_many(40, "test.probe", probe("ok"));
  EXPECT_EQ(sluice({"drain", "--limit", "25"}).code, 0);
  EXPECT_EQ(count("status = 'done'"), "25");
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "15");
}

TEST_F(Brief, HoldsATypesConcurrency) {
  set_config("concurrency = 1\n");
  insert_many(8, "test.probe", probe("ok", ",\"ms\":5,\"end_file\":\"" + scratch.path("started") + "\""));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "8");
  // Start and end of each job write the same line: one at a time means pairs.
  std::istringstream lines(scratch.read("started"));
  int pairs = 0;
  for (std::string start, end; std::getline(lines, start) && std::getline(lines, end); ++pairs)
    EXPECT_EQ(start, end);
  EXPECT_EQ(pairs, 8);
}

}  // namespace
}  // namespace sluice::test
