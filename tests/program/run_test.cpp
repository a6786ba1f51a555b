// sluice run: jobs survive crashes, kills, stops and a lost database.
#include <signal.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Running : public Outbox {
 protected:
  Program& start() {
    programs_.push_back(std::make_unique<Program>(std::vector<std::string>{"run"}, environment()));
    EXPECT_TRUE(programs_.back()->says("plugins loaded")) << programs_.back()->err();
    return *programs_.back();
  }
  bool all_done(int jobs) {
    return eventually([&] { return count("status = 'done'") == std::to_string(jobs); });
  }

 private:
  std::vector<std::unique_ptr<Program>> programs_;
};

TEST_F(Running, RunsJobsAsTheyArrive) {
  Program& program = start();
  insert("a", "test.probe");
  EXPECT_TRUE(becomes("a", "done"));
  insert("b", "test.probe");
  EXPECT_TRUE(becomes("b", "done"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.runtime"), "0");
}

TEST_F(Running, IsWokenByProducersWhileItIsIdle) {
  config = scratch.write("idle.toml", "[runtime]\npoll_interval = \"1h\"\n");
  start();
  ASSERT_TRUE(eventually([&] { return database.value("SELECT wake FROM sluice.runtime") == "t"; }));
  for (const char* id : {"a", "b", "c"}) {
    insert(id, "test.probe");
    EXPECT_TRUE(becomes(id, "done"));
  }
  // Also with sluice enqueue, and after the listening connection was lost.
  database.value(
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%LISTEN%' AND pid <> "
      "pg_backend_pid() AND datname = current_database()");
  EXPECT_EQ(sluice({"enqueue", "test.probe", "--unique", "once"}).code, 0);
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "4"; }));
}

TEST_F(Running, WaitsForTheDatabaseAtItsStart) {
  insert("a", "test.probe");
  allow_connections(false);
  EXPECT_EQ(sluice({"run"}).code, 1);
  const Program program({"run", "--wait-for-database"}, environment());
  EXPECT_TRUE(program.says("sluice waits until it does")) << program.err();
  allow_connections(true);
  EXPECT_TRUE(becomes("a", "done")) << program.err();
}

TEST_F(Running, LogsTheEndOfEachJobAtLevelDebugWithTheRuntime) {
  config = scratch.write("debug.toml", scratch.read("sluice.toml") + "[log]\nlevel = \"debug\"\n");
  const Program& program = start();
  insert("a", "test.probe", probe("snooze", R"(,"after_ms":3600000)"));
  EXPECT_TRUE(program.says(
      R"("message":"job ended","job":"a","type":"test.probe","attempt":1,"outcome":"snooze","took":")"))
      << program.err();
  const std::string runtime = database.value("SELECT id FROM sluice.runtime");
  EXPECT_TRUE(program.says("\"runtime\":" + runtime + ",\"host\":\"")) << program.err();
  EXPECT_TRUE(program.says("\"pid\":" + std::to_string(program.pid()) + "}")) << program.err();
}

TEST_F(Running, LogsASummaryAtLevelInfo) {
  config = scratch.write("summary.toml", scratch.read("sluice.toml") + "[log]\nsummary = \"100ms\"\n");
  const Program& program = start();
  insert("a", "test.probe", probe("snooze", R"(,"after_ms":3600000)"));
  EXPECT_TRUE(program.says(
      R"("message":"jobs ended","done":0,"will_retry":0,"failed":0,"snoozed":1,"within":"100 ms")"))
      << program.err();
}

TEST_F(Running, IgnoresSignalsWithoutAMeaning) {
  Program& program = start();
  for (const int number : {SIGUSR1, SIGUSR2, SIGPIPE}) program.signal(number);
  insert("a", "test.probe");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_TRUE(program.running());
}

TEST_F(Running, PollsWithoutATrigger) {
  config = scratch.write("polling.toml", scratch.read("sluice.toml") + "[database]\nwake = false\n");
  ASSERT_EQ(sluice({"init"}).code, 0);
  start();
  insert("a", "test.probe");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(database.value("SELECT bool_or(wake) FROM sluice.runtime"), "f");
}

TEST_F(Running, DeletesJobsOlderThanTheRetention) {
  insert_many(2500, "test.probe");
  database.exec(R"(UPDATE "Outbox" SET status = 'done', "createdAt" = now() - interval '2 days'; )");
  insert("young", "test.probe");
  insert("failed", "no.such.type");
  database.exec(
      R"(UPDATE "Outbox" SET status = 'error', "createdAt" = now() - interval '2 days' WHERE id = 'failed')");
  config = scratch.write("short.toml", scratch.read("sluice.toml") + "[retention]\ndone = \"1d\"\n");
  Program& program = start();
  EXPECT_TRUE(becomes("young", "done"));
  EXPECT_TRUE(eventually([&] { return count("true") == "2"; }));
  EXPECT_TRUE(program.says("pruned old jobs"));
}

TEST_F(Running, RetriesUntilItSucceeds) {
  start();
  insert("a", "test.probe", probe("retry_until", R"(,"until":3,"after_ms":1)"));
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "3");
}

TEST_F(Running, GivesUpAfterTheAttemptsOfTheType) {
  start();
  insert("a", "test.limits", probe("retry"));
  EXPECT_TRUE(eventually([&] { return attempts("a") == "2" && status("a") == "error"; }));
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.schedule WHERE job_id = 'a'"), "0");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE job_id = 'a'"), "2");
}

TEST_F(Running, TheOperatorsMaxAttemptsTakePrecedence) {
  config =
      scratch.write("four.toml", scratch.read("sluice.toml") + "[type.\"test.limits\"]\nmax_attempts = 4\n");
  start();
  insert("a", "test.limits", probe("retry", R"(,"after_ms":1)"));
  EXPECT_TRUE(eventually([&] { return attempts("a") == "4" && status("a") == "error"; }));
}

TEST_F(Running, RunsASnoozedJobAgain) {
  start();
  insert("a", "test.probe",
         probe("snooze_once", ",\"after_ms\":50,\"marker\":\"" + scratch.path("marker") + "\""));
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "1");
}

TEST_F(Running, RunsADelayedJobWhenItIsDue) {
  start();
  const Ended enqueued = sluice({"enqueue", "test.probe", "{}", "--delay", "300ms"});
  ASSERT_EQ(enqueued.code, 0) << enqueued.err;
  const std::string id = enqueued.out.substr(0, enqueued.out.size() - 1);
  EXPECT_TRUE(becomes(id, "done"));
}

// Nobody is seen to send SIGKILL, thus the first one charges no job. The second one hits the job alone.
TEST_F(Running, AJobWhoseHostIsKilledRunsAloneAndIsChargedForTheNextKill) {
  Program& program = start();
  insert("a", "test.probe", probe("wait_cancel"));
  ASSERT_TRUE(lines_in("started", 1)) << program.err();
  ASSERT_EQ(program.children().size(), 1U);
  for (std::size_t starts = 1; starts <= 2; ++starts) {
    ASSERT_TRUE(lines_in("started", starts)) << program.err();
    EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE code = 'host-died'"), "0");
    for (const pid_t host : program.children()) kill(host, SIGKILL);
  }
  ASSERT_TRUE(lines_in("started", 3)) << "the job must be retried";
  EXPECT_NE(error("a").find("was killed by signal 9 (Killed) while this job ran"), std::string::npos)
      << error("a");
  EXPECT_TRUE(eventually([&] { return attempts("a") == "2"; })) << attempts("a");
}

TEST_F(Running, NoJobIsLostWhenHostsAreKilledRepeatedly) {
  config = scratch.write("many.toml", scratch.read("sluice.toml") + "[retry]\n");
  config = scratch.write("many.toml",
                         "[retry]\nmax_attempts = 50\nbackoff_first = \"5ms\"\nbackoff_cap = \"10ms\"\n"
                         "[runtime]\npoll_interval = \"20ms\"\n");
  Program& program = start();
  insert_many(300, "test.probe", probe("ok", R"(,"ms":3)"));
  for (std::size_t kills = 1; kills <= 5; ++kills) {
    ASSERT_TRUE(lines_in("started", kills * 20));
    for (const pid_t host : program.children()) kill(host, SIGKILL);
  }
  EXPECT_TRUE(all_done(300)) << program.err();
}

TEST_F(Running, AnotherRuntimeRescuesTheJobsOfAKilledOne) {
  insert_many(4, "test.probe", probe("wait_cancel"));
  Program& lost = start();
  ASSERT_TRUE(lines_in("started", 4));
  const std::vector<pid_t> hosts = lost.children();
  lost.signal(SIGKILL);
  EXPECT_EQ(lost.wait(), -SIGKILL);
  EXPECT_TRUE(eventually([&] { return kill(hosts.at(0), 0) != 0; }))
      << "the plugin host must die with its runtime";
  Program& rescuer = start();
  EXPECT_TRUE(rescuer.says("rescued the jobs of lost runtimes"));
  EXPECT_TRUE(lines_in("started", 8));
  EXPECT_TRUE(eventually([&] { return count("attempts = 2") == "4"; }))
      << "the attempt counts, because it is unknown how far it got";
  EXPECT_NE(error("job-1").find("lost"), std::string::npos) << error("job-1");
}

TEST_F(Running, AFrozenRuntimeChangesNothingAfterARescue) {
  insert("a", "test.probe", probe("ok", R"(,"ms":400)"));
  Program& frozen = start();
  ASSERT_TRUE(lines_in("started", 1));
  const std::vector<pid_t> hosts = frozen.children();
  frozen.signal(SIGSTOP);
  for (const pid_t host : hosts) kill(host, SIGSTOP);
  start();
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "2");
  const std::string written = database.value(R"(SELECT "updatedAt" FROM "Outbox")");
  for (const pid_t host : hosts) kill(host, SIGCONT);
  frozen.signal(SIGCONT);
  EXPECT_TRUE(frozen.says("continues under a new id"));
  EXPECT_TRUE(frozen.says("outcomes were not written"));
  EXPECT_EQ(database.value(R"(SELECT "updatedAt" FROM "Outbox")"), written);
  insert("b", "test.probe");
  EXPECT_TRUE(becomes("b", "done"));
}

TEST_F(Running, TwoRuntimesRunNoJobTwice) {
  start();
  start();
  insert_many(1000, "test.probe", probe("ok"));
  EXPECT_TRUE(all_done(1000));
  const std::string started = scratch.read("started");
  EXPECT_EQ(std::count(started.begin(), started.end(), '\n'), 1000);
  EXPECT_EQ(count("attempts = 1"), "1000");
}

TEST_F(Running, ALostDatabaseLosesNoJob) {
  Program& program = start();
  insert_many(200, "test.probe", probe("ok", R"(,"ms":2)"));
  ASSERT_TRUE(lines_in("started", 20));
  allow_connections(false);
  database.exec(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
  ASSERT_TRUE(program.says("the database does not answer"));
  allow_connections(true);
  EXPECT_TRUE(all_done(200)) << program.err();
  EXPECT_TRUE(program.says("the database answers again"));
  const std::string started = scratch.read("started");
  EXPECT_EQ(std::count(started.begin(), started.end(), '\n'), 200) << "no job may run twice";
  const std::string log = program.err();
  std::size_t said = 0;
  for (std::size_t at = log.find("does not answer"); at != std::string::npos;
       at = log.find("does not answer", at + 1))
    ++said;
  EXPECT_LE(said, 2U) << "the message must not be repeated:\n" << log;
}

TEST_F(Running, AStopLetsStartedJobsEndAndGivesTheOthersBack) {
  config = scratch.write("slow.toml", scratch.read("sluice.toml") + "[plugin.probe]\nslots = 2\n");
  insert_many(10, "test.probe", probe("ok", R"(,"ms":300)"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 2));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  const std::string done = count("status = 'done' AND attempts = 1");
  EXPECT_GE(std::stoi(done), 2);
  EXPECT_LT(std::stoi(done), 10);
  EXPECT_EQ(std::stoi(done) + std::stoi(count("status = 'pending' AND attempts = 0")), 10);
}

TEST_F(Running, AStopAsksJobsToCancelAfterTheDrainTimeout) {
  config = scratch.write("short.toml", "[runtime]\ndrain_timeout = \"100ms\"\n");
  insert("a", "test.probe", probe("wait_cancel"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 1));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), "0");
}

TEST_F(Running, AStopKillsJobsThatDoNotCancel) {
  config = scratch.write("short.toml", "[runtime]\ndrain_timeout = \"50ms\"\ncancel_grace = \"100ms\"\n");
  insert("a", "test.probe", probe("hang"));
  insert("b", "test.once", probe("hang"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 2));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 0) << program.err();
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), "0");
  EXPECT_EQ(status("b"), "error") << "it is unknown what the job did, so it must not be repeated";
}

TEST_F(Running, ASecondSignalShortensTheStop) {
  insert("a", "test.probe", probe("wait_cancel"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 1));
  program.signal(SIGTERM);
  ASSERT_TRUE(program.says("stopping: claiming no more"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(20), 0) << program.err();
  EXPECT_EQ(status("a"), "pending");
}

TEST_F(Running, OutputOfAPluginBecomesLogLines) {
  Program& program = start();
  insert("a", "test.probe", probe("print", R"(,"message":"hello","bytes":20000)"));
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_TRUE(program.says("hello on stdout"));
  EXPECT_TRUE(program.says("hello on stderr"));
  insert("b", "test.probe", probe("log", R"(,"message":"structured")"));
  EXPECT_TRUE(program.says("structured"));
  EXPECT_TRUE(program.says(R"("job":"b","type":"test.probe","attempt":1,"text":"\"quoted\"","number":12.5)"))
      << program.err();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  std::istringstream lines(program.err());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.front() == '{' && line.back() == '}') << line;
  }
}

TEST_F(Running, TheGuidesOwnStatementsWorkWhileItRuns) {
  start();
  insert("a", "test.probe", probe("fail"));
  ASSERT_TRUE(becomes("a", "error"));
  // The guide's retry.
  database.exec(
      R"(UPDATE "Outbox" SET status = 'pending', "updatedAt" = now() WHERE status = 'error' AND attempts < 3)");
  EXPECT_TRUE(eventually([&] { return status("a") == "error" && attempts("a") == "2"; }));
  insert("b", "test.probe");
  ASSERT_TRUE(becomes("b", "done"));
  // The guide's clean-up.
  database.exec(R"(DELETE FROM "Outbox" WHERE status = 'done')");
  insert("c", "test.probe");
  EXPECT_TRUE(becomes("c", "done"));
}

TEST_F(Running, APluginSeesNoCredentials) {
  Program& program = start();
  insert("a", "test.probe", probe("wait_cancel"));
  ASSERT_TRUE(lines_in("started", 1));
  std::ifstream file("/proc/" + std::to_string(program.children().at(0)) + "/environ", std::ios::binary);
  std::ostringstream environment;
  environment << file.rdbuf();
  EXPECT_EQ(environment.str().find("DATABASE_URL"), std::string::npos);
  EXPECT_NE(environment.str().find("PATH="), std::string::npos);
}

}  // namespace
}  // namespace sluice::test
