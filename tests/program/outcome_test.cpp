// Outcomes that the database refuses or can't write yet: they do not affect other jobs.
#include <signal.h>

#include <regex>

#include "base/address.hpp"
#include "http/inquiry.hpp"
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Outcome : public Outbox {
 protected:
  /// Creates a trigger that refuses updates for which `condition` is true, as an application's trigger may.
  void refuse_when(const std::string& condition, const std::string& state = "P0001") {
    database.exec(
        "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'not this one' USING ERRCODE = '" +
        state + "'; END $$; CREATE TRIGGER no BEFORE UPDATE ON \"Outbox\" FOR EACH ROW WHEN (" + condition +
        ") EXECUTE FUNCTION public.no()");
  }
  std::size_t times_said(const std::string& text, const std::string& words) const {
    std::size_t times = 0;
    for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++times;
    return times;
  }
  void insert_many_more(int jobs) {
    for (int i = 0; i < jobs; ++i) insert("more-" + std::to_string(i), "test.probe");
  }
  std::string claims() { return database.value("SELECT count(*) FROM sluice.claim"); }
};

TEST_F(Outcome, ThatATriggerRefusesFailsOnlyItsJob) {
  refuse_when("NEW.status = 'done' AND NEW.id = 'job-40'");
  insert_many(80, "test.probe");
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 0) << drained.err;
  EXPECT_EQ(count("status = 'done'"), "79");
  EXPECT_EQ(status("job-40"), "error");
  EXPECT_NE(error("job-40").find("not this one"), std::string::npos) << error("job-40");
  EXPECT_EQ(database.value("SELECT code FROM sluice.attempt WHERE job_id = 'job-40'"), "outcome-refused");
  EXPECT_EQ(claims(), "0");
  EXPECT_EQ(drained.err.find("does not answer"), std::string::npos) << drained.err;
}

// An error of a trigger says nothing about the server, whatever its SQLSTATE is.
TEST_F(Outcome, WithTheErrorOfALostServerFailsOnlyItsJobToo) {
  be_patient();
  for (const std::string state : {"40001", "40P01", "08006", "53100", "57P01", "58030", "25006", "42501"}) {
    refuse_when("NEW.status = 'done' AND NEW.id = 'job-4'", state);
    insert_many(9, "test.probe");
    Program runtime({"run"}, environment());
    EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "8" && status("job-4") == "error"; }))
        << state << runtime.err();
    EXPECT_EQ(runtime.err().find("does not answer"), std::string::npos) << state << runtime.err();
    runtime.signal(SIGTERM);
    EXPECT_EQ(runtime.wait(), 0);
    EXPECT_EQ(
        database.value("SELECT max(n) FROM (SELECT count(*) AS n FROM sluice.attempt GROUP BY job_id) a"),
        "1")
        << state;
    database.exec("DROP FUNCTION public.no() CASCADE; DELETE FROM \"Outbox\"; DELETE FROM sluice.attempt");
  }
}

TEST_F(Outcome, ThatIsRefusedInAnyFormIsKeptAsideAndNamed) {
  refuse_when("NEW.id = 'job-40'");
  insert_many(80, "test.probe");
  Program runtime({"run"}, environment());
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "79"; })) << runtime.err();
  EXPECT_TRUE(runtime.says("database refuses the outcome of a job")) << runtime.err();
  EXPECT_NE(runtime.err().find("job-40"), std::string::npos) << runtime.err();
  insert("later", "test.probe");
  EXPECT_TRUE(becomes("later", "done"));
  EXPECT_EQ(status("job-40"), "pending");
  database.exec("DROP FUNCTION public.no() CASCADE");
  EXPECT_TRUE(becomes("job-40", "error")) << runtime.err();
  EXPECT_TRUE(eventually([&] { return claims() == "0"; }));
  EXPECT_EQ(times_said(runtime.err(), "database refuses the outcome of a job"), 1U) << runtime.err();
}

TEST_F(Outcome, ThatIsRefusedIsCounted) {
  refuse_when("NEW.id = 'job-4'");
  insert_many(8, "test.probe");
  Program runtime({"run", "--listen", "0"}, environment());
  ASSERT_TRUE(runtime.says("http://127.0.0.1:")) << runtime.err();
  std::smatch url;
  const std::string log = runtime.err();
  ASSERT_TRUE(std::regex_search(log, url, std::regex("http://(127\\.0\\.0\\.1:[0-9]+)"))) << log;
  const base::Address address = *base::parse_address(url[1].str());
  const auto metrics = [&] { return http::ask(address, "/metrics", std::chrono::minutes(1)).body; };
  EXPECT_TRUE(eventually([&] {
    return metrics().find("\nsluice_outcomes_waiting 1\n") != std::string::npos;
  })) << metrics();
  const std::regex refusals(R"(sluice_database_errors_total\{statement="finish",kind="refused"\} [1-9])");
  EXPECT_TRUE(std::regex_search(metrics(), refusals)) << metrics();
}

TEST_F(Outcome, ThatIsRefusedInAnyFormDoesNotBlockADrain) {
  refuse_when("NEW.status IN ('done', 'error') AND NEW.id = 'job-40'");
  insert_many(80, "test.probe");
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(count("status = 'done'"), "79");
  EXPECT_NE(drained.err.find("could not be written before sluice stopped"), std::string::npos) << drained.err;
}

TEST_F(Outcome, OfASnoozedJobWorksWithTheGuidesStatuses) {
  database.exec(
      "ALTER TABLE \"Outbox\" ADD CONSTRAINT four CHECK (status IN ('pending', 'processing', 'done', "
      "'error'))");
  insert("snoozed", "test.probe",
         probe("snooze_once", ",\"after_ms\":3600000,\"marker\":\"" + scratch.path("marker") + "\""));
  insert_many(50, "test.probe");
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "50");
  EXPECT_EQ(status("snoozed"), "error");
  EXPECT_EQ(attempts("snoozed"), "0");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt"), "0");
  database.exec("UPDATE sluice.schedule SET due = now()");
  EXPECT_TRUE(drains());
  EXPECT_EQ(status("snoozed"), "done");
  EXPECT_EQ(attempts("snoozed"), "1");
  const Ended health = sluice({"health", "db"});
  EXPECT_NE((health.out + health.err).find("scheduled"), std::string::npos) << health.out << health.err;
}

TEST_F(Outcome, OfALockedRowDelaysNoOther) {
  const std::string gate = probe("wait_file", ",\"gate\":\"" + scratch.path("gate") + "\"");
  insert_many(100, "test.probe", gate);
  Program runtime({"run"}, environment());
  EXPECT_TRUE(eventually([&] { return count("status = 'processing'") != "0"; }));
  const std::string held = database.value("SELECT min(id) FROM \"Outbox\" WHERE status = 'processing'");
  Session application(database.url());
  application.exec("BEGIN");
  application.value("SELECT id FROM \"Outbox\" WHERE id = $1 FOR UPDATE", {held});
  scratch.write("gate-1", "");
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "99"; })) << runtime.err();
  EXPECT_TRUE(runtime.says("another session has locked the job's row")) << runtime.err();
  insert("later", "test.probe");
  EXPECT_TRUE(becomes("later", "done"));
  EXPECT_EQ(status(held), "processing");
  const std::string holder = "process " + application.value("SELECT pg_backend_pid()");
  EXPECT_NE(runtime.err().find(holder), std::string::npos) << holder << "\n" << runtime.err();
  application.exec("ROLLBACK");
  EXPECT_TRUE(becomes(held, "done")) << runtime.err();
  EXPECT_EQ(times_said(runtime.err(), "another session has locked the job's row"), 1U) << runtime.err();
  EXPECT_EQ(runtime.err().find("does not answer"), std::string::npos) << runtime.err();
}

TEST_F(Outcome, OfALockedTableNamesTheHolder) {
  Program runtime({"run"}, environment());
  insert("a", "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("gate") + "\""));
  EXPECT_TRUE(becomes("a", "processing"));
  Session application(database.url());
  application.exec("BEGIN; LOCK TABLE \"Outbox\" IN SHARE MODE");
  scratch.write("gate-1", "");
  const std::string holder = "process " + application.value("SELECT pg_backend_pid()");
  EXPECT_TRUE(runtime.says("is locked by " + holder)) << runtime.err();
  application.exec("ROLLBACK");
  EXPECT_TRUE(becomes("a", "done")) << runtime.err();
  EXPECT_EQ(runtime.err().find("does not answer"), std::string::npos) << runtime.err();
}

// If an application changes a job's id, the outcome is written under the new id.
TEST_F(Outcome, OfAJobWhoseIdWasChangedIsWrittenUnderTheNewOne) {
  const std::string gate = ",\"gate\":\"" + scratch.path("gate") + "\"";
  insert("done", "test.probe", probe("wait_file", gate));
  insert("failed", "test.probe", probe("wait_file", gate + R"(,"after":"fail")"));
  insert("follow", "test.probe", probe("wait_file", gate + R"(,"after":"enqueue","type":"test.other")"));
  insert("other", "test.probe", probe("wait_file", gate));
  database.exec(
      R"(UPDATE "Outbox" o SET "createdAt" = "createdAt" - n * interval '1 s'
         FROM (SELECT id, row_number() OVER () AS n FROM "Outbox") x WHERE x.id = o.id)");
  Program runtime({"run"}, environment());
  ASSERT_TRUE(eventually([&] { return count("status = 'processing'") == "4"; })) << runtime.err();
  database.exec(R"(UPDATE "Outbox" SET id = 'new-' || id WHERE id <> 'other')");
  scratch.write("gate-1", "");
  EXPECT_TRUE(becomes("new-done", "done")) << runtime.err();
  EXPECT_TRUE(becomes("new-failed", "error")) << runtime.err();
  EXPECT_TRUE(becomes("new-follow", "done")) << runtime.err();
  EXPECT_TRUE(becomes("other", "done"));
  EXPECT_TRUE(eventually([&] { return count("type = 'test.other' AND status = 'done'") == "1"; }))
      << runtime.err();
  EXPECT_TRUE(eventually([&] { return claims() == "0"; }));
  EXPECT_EQ(count("attempts <> 1"), "0");
  EXPECT_NE(error("new-failed"), "");
  EXPECT_EQ(times_said(runtime.err(), "the id of a job was changed while it ran"), 3U) << runtime.err();
}

TEST_F(Outcome, OfIndistinguishableJobsIsAnError) {
  insert_many(3, "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("gate") + "\""));
  Program runtime({"run"}, environment());
  ASSERT_TRUE(eventually([&] { return count("status = 'processing'") == "3"; })) << runtime.err();
  database.exec(R"(UPDATE "Outbox" SET id = 'new-' || id)");
  scratch.write("gate-1", "");
  EXPECT_TRUE(eventually([&] { return count("status = 'processing'") == "0"; })) << runtime.err();
  EXPECT_EQ(count("status = 'error'"), "3");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE code = 'id-changed'"), "3");
}

TEST_F(Outcome, RefusedDueRetriesDelayNoOthers) {
  insert_many(80, "test.probe", probe("retry", R"(,"after_ms":3600000)"));
  EXPECT_TRUE(drains());
  refuse_when("NEW.status = 'pending' AND NEW.id IN ('job-3', 'job-40')");
  database.exec(R"(UPDATE "Outbox" SET payload = '{}'; UPDATE sluice.schedule SET due = now())");
  Program runtime({"run"}, environment());
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "78"; })) << runtime.err();
  EXPECT_TRUE(eventually([&] { return times_said(runtime.err(), "refuses to make a due job pending") == 2; }))
      << runtime.err();
  EXPECT_EQ(count("status IN ('scheduled', 'error') AND id IN ('job-3', 'job-40')"), "2");
  database.exec("DROP FUNCTION public.no() CASCADE; UPDATE sluice.schedule SET due = now()");
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "80"; })) << runtime.err();
}

TEST_F(Outcome, RefusedJobsOfALostRuntimeDelayNoOthers) {
  insert_many(60, "test.probe", probe("wait_file", ",\"gate\":\"" + scratch.path("gate") + "\""));
  Program lost({"run"}, environment());
  ASSERT_TRUE(eventually([&] { return count("status = 'processing'") == "4"; })) << lost.err();
  lost.signal(SIGKILL);
  lost.wait();
  const std::string held = database.value("SELECT min(id) FROM \"Outbox\" WHERE status = 'processing'");
  refuse_when("OLD.status = 'processing' AND NEW.status = 'pending' AND NEW.id = '" + held + "'");
  for (const std::string attempt : {"1", "2"}) scratch.write("gate-" + attempt, "");
  Program other({"run"}, environment());
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "59"; })) << other.err();
  EXPECT_TRUE(other.says("refuses to rescue a job of a lost runtime")) << other.err();
  EXPECT_NE(other.err().find(held), std::string::npos);
  database.exec("DROP FUNCTION public.no() CASCADE");
  EXPECT_TRUE(becomes(held, "done")) << other.err();
}

}  // namespace
}  // namespace sluice::test
