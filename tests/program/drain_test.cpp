// sluice drain: every way in which a job can end, checked in the table.
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using Drain = Outbox;

TEST_F(Drain, RunsDueJobsAndExits) {
  insert_many(100, "test.probe", probe("ok"));
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_NE(drained.out.find("100 done, 0 to retry, 0 failed"), std::string::npos) << drained.out;
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "100");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.claim"), "0");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.runtime"), "0");
}

TEST_F(Drain, DoesNotTouchUnservedTypes) {
  insert("a", "email.send");
  insert("b", "test.probe");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), "0");
  EXPECT_EQ(status("b"), "done");
}

TEST_F(Drain, RunsOnlyTheRequestedTypes) {
  insert("a", "test.probe");
  insert("b", "test.other");
  EXPECT_EQ(sluice({"drain", "--type", "test.other"}).code, 0);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(status("b"), "done");
}

TEST_F(Drain, ObeysItsLimit) {
  insert_many(50, "test.probe");
  EXPECT_EQ(sluice({"drain", "--limit", "7"}).code, 0);
  EXPECT_EQ(count("status = 'done'"), "7");
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "43");
}

TEST_F(Drain, RunsTheOldestFirst) {
  config = scratch.write("one.toml", "[plugin.probe]\nslots = 1\n");
  for (int i = 0; i < 30; ++i) {
    insert("job-" + std::to_string(i), "test.probe", probe("ok"));
    database.value(
        R"(UPDATE "Outbox" SET "createdAt" = '2026-01-01'::timestamp - $2::int * interval '1 s' WHERE id = $1 RETURNING 1)",
        {"job-" + std::to_string(i), std::to_string(i)});
  }
  EXPECT_TRUE(drains());
  std::string wanted;
  for (int i = 29; i >= 0; --i) wanted += "job-" + std::to_string(i) + " 1\n";
  EXPECT_EQ(scratch.read("started"), wanted);
}

TEST_F(Drain, KeepsAPermanentFailureWithItsReason) {
  insert("a", "test.probe", probe("fail", R"(,"message":"no such account")"));
  const Ended drained = sluice({"drain", "--fail-on-error"});
  EXPECT_EQ(drained.code, 1);
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(error("a"), "no such account");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.schedule"), "0");
}

TEST_F(Drain, SchedulesARetryThatIsNotDueYet) {
  insert("a", "test.probe", probe("retry", R"(,"after_ms":3600000,"message":"busy")"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(attempts("a"), "1");
  EXPECT_EQ(database.value("SELECT round(extract(epoch FROM due - now()) / 600) FROM sluice.schedule"), "6");
}

TEST_F(Drain, DistinguishesAnExceptionFromAFailure) {
  insert("a", "test.probe", probe("throw", R"(,"message":"disk on fire","after_ms":3600000)"));
  insert("b", "test.probe", probe("throw_odd"));
  insert("c", "test.probe", probe("odd_result"));
  EXPECT_TRUE(drains());
  EXPECT_NE(error("a").find("disk on fire"), std::string::npos) << error("a");
  EXPECT_FALSE(error("b").empty());
  EXPECT_NE(error("c").find("returned 77"), std::string::npos) << error("c");
  EXPECT_EQ(count("status = 'error'"), "3");
}

TEST_F(Drain, FailsAnInvalidPayloadWithPointerAndRule) {
  insert("a", "test.strict", R"({"to":"ada@example.com","count":11})");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "error");
  EXPECT_EQ(error("a"), "the payload at JSON pointer \"/count\": expected at most 10, found a number");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.schedule"), "0") << "the failure is permanent";
}

TEST_F(Drain, SnoozesWithoutChargingAnAttempt) {
  insert("a", "test.probe", probe("snooze", R"(,"after_ms":3600000)"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "scheduled");
  EXPECT_EQ(attempts("a"), "0");
}

TEST_F(Drain, KeepsTheOutput) {
  insert("a", "test.probe", probe("output", R"(,"value":{"pages":3})"));
  insert("b", "test.probe", probe("bad_output"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(database.value("SELECT output->>'pages' FROM sluice.output WHERE job_id = 'a'"), "3");
  EXPECT_EQ(status("b"), "error");
  EXPECT_NE(error("b").find("is not valid JSON"), std::string::npos);
}

TEST_F(Drain, AcceptsIdsWithAnyCharacters) {
  const std::vector<std::string> ids{"'; DROP TABLE x; --",
                                     "\"quoted\"",
                                     "{braces,and,commas}",
                                     "back\\slash\\\\",
                                     " spaces ",
                                     "emoji 😀",
                                     "NULL",
                                     "",
                                     "tab\tand\nnewline",
                                     "%s %1$s $1"};
  for (const std::string& id : ids) insert(id, "test.probe", probe("output", R"(,"value":1)"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), std::to_string(ids.size()));
  for (const std::string& id : ids) {
    EXPECT_EQ(database.value("SELECT output FROM sluice.output WHERE job_id = $1", {id}), "1") << id;
  }
}

TEST_F(Drain, AcceptsPayloadsOfAnyKind) {
  insert("large", "test.probe", "{\"do\":\"ok\",\"blob\":\"" + std::string(1 << 20, 'x') + "\"}");
  insert("deep", "test.probe",
         "{\"do\":\"ok\",\"deep\":" + std::string(10000, '[') + std::string(10000, ']') + "}");
  insert("beyond", "test.probe", R"({"do":"ok","n":1e400,"m":-1e400,"k":123456789012345678901234567890})");
  insert("unicode", "test.probe", R"({"do":"ok","t":"\u00e9 😀 \" \\ /"})");
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "4") << database.rows("SELECT job_id, error FROM sluice.attempt");
}

TEST_F(Drain, AcceptsRowsFromAnyTime) {
  for (const char* time :
       {"1970-01-01", "0001-01-01", "2500-01-01", "infinity", "-infinity", "294276-12-31"}) {
    insert(time, "test.probe");
    database.value(R"(UPDATE "Outbox" SET "createdAt" = $1::timestamp WHERE id = $1 RETURNING 1)", {time});
  }
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "6");
}

TEST_F(Drain, ServesATableWithAnotherName) {
  database.exec("CREATE SCHEMA jobs");
  TestDatabase other;
  other.exec("CREATE SCHEMA jobs");
  std::map<std::string, std::string> environment = this->environment();
  environment["DATABASE_URL"] = other.url();
  environment["SLUICE_TABLE"] = "jobs.outbox";
  ASSERT_EQ(run({"init"}, environment).code, 0);
  ASSERT_EQ(run({"enqueue", "test.probe"}, environment).code, 0);
  EXPECT_EQ(run({"drain"}, environment).code, 0);
  EXPECT_EQ(other.value("SELECT status FROM jobs.outbox"), "done");
}

TEST_F(Drain, ObeysATypesConcurrency) {
  config = scratch.write("eight.toml", "[plugin.probe]\nslots = 8\n");
  insert_many(12, "test.single", probe("ok", ",\"ms\":5,\"end_file\":\"" + scratch.path("started") + "\""));
  EXPECT_TRUE(drains());
  // Each job writes the same line at its start and its end. If one job runs at a time, equal lines come in
  // pairs.
  std::istringstream lines(scratch.read("started"));
  int pairs = 0;
  for (std::string start, end; std::getline(lines, start) && std::getline(lines, end); ++pairs)
    EXPECT_EQ(start, end);
  EXPECT_EQ(pairs, 12);
}

TEST_F(Drain, UsesSeveralProcesses) {
  config = scratch.write("three.toml", "[plugin.probe]\nslots = 1\nprocesses = 3\n");
  insert_many(30, "test.probe", probe("ok", R"(,"ms":5)"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "30");
}

TEST_F(Drain, PrintsItsSummaryAsJson) {
  insert("a", "test.probe");
  const Ended drained = sluice({"drain", "--json"});
  EXPECT_NE(drained.out.find(R"("done":1,"retrying":0,"failed":0)"), std::string::npos) << drained.out;
}

TEST_F(Drain, NamesUnusedSettings) {
  config = scratch.write("misspelt.toml",
                         "[plugin.prob]\nslots = 1\n[plugin.probe]\nslots = 1\n[type.\"test.prob\"]\n");
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_NE(drained.err.find(R"("plugin":"prob")"), std::string::npos) << drained.err;
  EXPECT_NE(drained.err.find(R"("type":"test.prob")"), std::string::npos) << drained.err;
  EXPECT_EQ(drained.err.find(R"(name","plugin":"probe")"), std::string::npos) << drained.err;
}

TEST_F(Drain, ReportsThatNoPluginCanBeUsed) {
  const Scratch empty;
  const Ended drained = sluice({"drain", "--plugins", empty.path()});
  EXPECT_EQ(drained.code, 1);
  EXPECT_NE(drained.err.find("because no plugin in"), std::string::npos) << drained.err;
}

TEST_F(Drain, IsSafeBesideAnother) {
  insert_many(500, "test.probe", probe("ok"));
  Program first({"drain"}, environment());
  Program second({"drain"}, environment());
  EXPECT_EQ(first.wait(), 0) << first.err();
  EXPECT_EQ(second.wait(), 0) << second.err();
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "500");
  const std::string started = scratch.read("started");
  EXPECT_EQ(std::count(started.begin(), started.end(), '\n'), 500) << "no job may run twice";
}

TEST_F(Drain, CrashedJobsAreRetriedAndOthersContinue) {
  insert("bad", "test.probe", probe("crash"));
  insert_many(50, "test.probe", probe("ok"));
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(status("bad"), "error");
  EXPECT_NE(error("bad").find("was killed by signal 11 (Segmentation fault) while this job ran"),
            std::string::npos)
      << error("bad");
}

TEST_F(Drain, ACrashEndsAJobThatRunsAtMostOnce) {
  insert("once", "test.once", probe("crash"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("once"), "error");
  EXPECT_EQ(attempts("once"), "1");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.schedule"), "0");
}

}  // namespace
}  // namespace sluice::test
