// sluice jobs and sluice health: looking at jobs, changing them, cleaning up.
#include <signal.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Jobs : public Outbox {
 protected:
  void put(const std::string& id, const std::string& status, const std::string& age = "0 s") {
    database.value(
        R"(INSERT INTO "Outbox" (id, type, payload, status, "createdAt", "updatedAt") VALUES ($1, 'test.probe', '{}', $2,
           (now() AT TIME ZONE 'UTC') - $3::interval, (now() AT TIME ZONE 'UTC') - $3::interval) RETURNING 1)",
        {id, status, age});
  }
  /// Inserts a runtime with this last beat, and with a claim on the job. No other runtime presumes it dead
  /// before the server has run for its lease.
  void claim(const std::string& id, const std::string& since_beat, const std::string& lease = "30 s") {
    database.value(
        R"(WITH r AS (INSERT INTO sluice.runtime (host, pid, version, command, beat_at, lease)
           VALUES ('far-away', 42, '', 'run', now() - $2::interval, $3::interval) RETURNING id)
           INSERT INTO sluice.claim (runtime, pump, ids) SELECT id, 0, ARRAY[$1] FROM r RETURNING 1)",
        {id, since_beat, lease});
  }
  /// The ids that `jobs list` shows, joined by commas.
  std::string listed(std::vector<std::string> options) const {
    options.insert(options.begin(), {"jobs", "list", "--json"});
    const Ended ended = sluice(options);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return database_value_of_ids(ended.out);
  }
  std::string json(const std::string& text, const std::string& path) {
    return database.value("SELECT $1::jsonb #>> $2::text[]", {text, path});
  }
  std::string result(const std::string& id) {
    return database.value(
        "SELECT result || ' ' || code FROM sluice.attempt WHERE job_id = $1 ORDER BY id DESC LIMIT 1", {id});
  }
  std::string side_rows(const std::string& id) {
    return database.value(
        "SELECT (SELECT count(*) FROM sluice.attempt WHERE job_id = $1) + (SELECT count(*) FROM "
        "sluice.output "
        "WHERE job_id = $1) + (SELECT count(*) FROM sluice.schedule WHERE job_id = $1)",
        {id});
  }

 private:
  static std::string database_value_of_ids(const std::string& text) {
    std::string ids;
    const std::string mark = "\"id\": \"";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      const std::size_t begin = at + mark.size();
      ids += (ids.empty() ? "" : ",") + text.substr(begin, text.find('"', begin) - begin);
    }
    return ids;
  }
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(JobsCommandLine, HasHelpWithExamplesForEveryCommand) {
  const std::vector<std::vector<std::string>> commands{
      {"jobs", "list"},  {"jobs", "show"},  {"jobs", "retry"},  {"jobs", "cancel"}, {"jobs", "delete"},
      {"jobs", "prune"}, {"jobs", "pause"}, {"jobs", "resume"}, {"jobs"},           {"health", "db"}};
  for (std::vector<std::string> words : commands) {
    words.emplace_back("--help");
    const Ended help = run(words);
    EXPECT_EQ(help.code, 0) << words[1];
    EXPECT_TRUE(holds(help.out, "Examples:")) << help.out;
  }
}

TEST(JobsCommandLine, ReportsMissingAndWrongArguments) {
  EXPECT_TRUE(holds(run({"jobs", "lst"}).err,
                    "unknown command 'jobs lst'; did you mean 'list'? Known here: list, show"));
  EXPECT_TRUE(holds(run({"jobs", "lst"}).err, "Run `sluice jobs --help`"));
  EXPECT_TRUE(holds(run({"jobs"}).err, "missing command after 'jobs', expected one of list, show"));
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"jobs"},
                                             {"jobs", "show"},
                                             {"jobs", "list", "--since", "soon"},
                                             {"jobs", "list", "--stuck", "--status", "done"},
                                             {"jobs", "list", "--limit", "0"},
                                             {"jobs", "retry"},
                                             {"jobs", "retry", "a", "--status", "error"},
                                             {"jobs", "retry", "--status", "done"},
                                             {"jobs", "prune"},
                                             {"jobs", "prune", "--older-than", "30d", "--status", "pending"},
                                             {"health", "db"}}) {
    EXPECT_EQ(run(wrong).code, 2) << wrong.back();
  }
}

TEST(JobsCommandLine, SaysToRunInit) {
  TestDatabase fresh;
  const std::map<std::string, std::string> environment{{"DATABASE_URL", fresh.url()}};
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"jobs", "list"},
                                             {"enqueue", "a.b"},
                                             {"jobs", "retry", "a"},
                                             {"jobs", "prune", "--older-than", "1d", "--yes"}}) {
    const Ended ended = run(command, environment);
    EXPECT_EQ(ended.code, 1);
    EXPECT_TRUE(holds(ended.err, "sluice init")) << ended.err;
  }
  const Ended health = run({"health", "db"}, environment);
  EXPECT_EQ(health.code, 1);
  EXPECT_TRUE(holds(health.out, "sluice init")) << health.out;
}

TEST_F(Jobs, AreListedNewestFirstByStatusTypeAndAge) {
  put("old", "done", "2 d");
  put("failed", "error", "2 h");
  put("new", "pending", "1 s");
  database.value(R"(UPDATE "Outbox" SET type = 'email.send' WHERE id = 'new' RETURNING 1)");
  EXPECT_EQ(listed({}), "new,failed,old");
  EXPECT_EQ(listed({"--limit", "2"}), "new,failed");
  EXPECT_EQ(listed({"--status", "failed"}), "failed");
  EXPECT_EQ(listed({"--status", "done", "--status", "pending"}), "new,old");
  EXPECT_EQ(listed({"--since", "1d"}), "new,failed");
  EXPECT_EQ(listed({"--type", "email.send", "--status", "pending"}), "new");
  EXPECT_EQ(listed({"--type", "it's"}), "");
  const Ended misspelt = sluice({"jobs", "list", "--status", "penidng"});
  EXPECT_EQ(misspelt.code, 2);
  EXPECT_TRUE(holds(misspelt.err, "unknown status 'penidng', expected pending, ")) << misspelt.err;
  EXPECT_TRUE(holds(misspelt.err, "; did you mean 'pending'?")) << misspelt.err;
}

TEST_F(Jobs, AreListedAsStuckIfNoRuntimeHasThem) {
  put("abandoned", "processing", "11 min");
  put("foreign", "processing", "9 min");
  put("slow", "processing", "11 min");
  claim("slow", "1 s");
  put("lost", "processing", "1 min");
  claim("lost", "5 min");
  EXPECT_EQ(listed({"--stuck"}), "lost,abandoned");
}

TEST_F(Jobs, WithAnyTimeAndTextAreShown) {
  insert("line\nbreak", "test.probe", R"({"n": 12345678901234567890.5, "text": "\u001b[31m"})");
  for (const char* time : {"infinity", "-infinity"}) {
    database.value(R"(UPDATE "Outbox" SET "createdAt" = $1::timestamp RETURNING 1)", {time});
    const Ended list = sluice({"jobs", "list"});
    EXPECT_EQ(list.code, 0) << list.err;
    EXPECT_FALSE(holds(sluice({"jobs", "show", "line\nbreak"}).out, "\033"));
    const Ended shown = sluice({"jobs", "show", "line\nbreak", "--json"});
    EXPECT_EQ(json(shown.out, "{payload,n}"), "12345678901234567890.5");
    EXPECT_EQ(json(shown.out, "{created_at}"), "");
  }
  const Ended missing = sluice({"jobs", "show", "nope"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(holds(missing.err, "'nope'")) << missing.err;
}

TEST_F(Jobs, ShowTheirAttempts) {
  insert("a", "test.probe", probe("fail", R"(,"message":"no such account")"));
  insert("b", "test.probe", probe("output", R"(,"value":{"sent":3})"));
  ASSERT_TRUE(drains());
  const Ended text = sluice({"jobs", "show", "a"});
  for (const char* part : {"will not be retried automatically", "told-to-fail", "no such account", "runtime ",
                           "plugin probe 1.2.3", "\"message\""}) {
    EXPECT_TRUE(holds(text.out, part)) << part << "\n" << text.out;
  }
  const Ended failed = sluice({"jobs", "show", "a", "--json"});
  EXPECT_EQ(json(failed.out, "{failed_attempts,0,error}"), "no such account");
  EXPECT_NE(json(failed.out, "{failed_attempts,0,duration_seconds}"), "");
  EXPECT_EQ(json(sluice({"jobs", "show", "b", "--json"}).out, "{output,sent}"), "3");
  EXPECT_TRUE(holds(sluice({"jobs", "list"}).out, "no such account"));
}

TEST_F(Jobs, WithoutAttemptsLeftRunOnceMoreWhenRetried) {
  insert("a", "test.limits", probe("fail"));
  ASSERT_TRUE(drains());
  database.value(R"(UPDATE "Outbox" SET attempts = 2, payload = '{}' RETURNING 1)");
  EXPECT_EQ(sluice({"jobs", "retry", "a"}).code, 0);
  EXPECT_EQ(status("a"), "pending");
  ASSERT_TRUE(drains());
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), "3");
}

TEST_F(Jobs, ThatRunOrAreDoneAreNotRetried) {
  put("done", "done");
  put("waits", "pending");
  put("runs", "processing", "20 min");
  claim("runs", "1 s");
  put("foreign", "processing", "1 min");
  put("failed", "error");
  const Ended retried = sluice({"jobs", "retry", "done", "waits", "runs", "foreign", "nope", "failed"});
  EXPECT_EQ(retried.code, 1);
  EXPECT_EQ(retried.out, "failed retried\n");
  for (const char* part :
       {"done was not retried: it is done", "waits was not retried", "(process 42 on far-away) is running it",
        "foreign was not retried: it has been processing for 1 min", "nope was not retried: there is no"}) {
    EXPECT_TRUE(holds(retried.err, part)) << part << "\n" << retried.err;
  }
  EXPECT_EQ(count("status = 'processing'"), "2");
}

TEST_F(Jobs, ThatAreStuckAreRetried) {
  put("abandoned", "processing", "11 min");
  put("lost", "processing", "1 min");
  claim("lost", "5 min", "1 ms");
  const Ended retried = sluice({"jobs", "retry", "--stuck", "--yes"});
  EXPECT_EQ(retried.code, 0) << retried.err;
  EXPECT_EQ(count("status = 'pending'"), "2");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.runtime"), "0") << "the lost runtime must be fenced";
}

TEST_F(Jobs, AreRetriedByFilterOnlyAfterConfirmation) {
  put("a", "error");
  put("b", "error");
  database.value(R"(UPDATE "Outbox" SET attempts = 3 WHERE id = 'b' RETURNING 1)");
  const Ended asked = sluice({"jobs", "retry", "--status", "error"}, "y\n");
  EXPECT_EQ(asked.code, 2);
  EXPECT_TRUE(holds(asked.err, "retry 2 jobs")) << asked.err;
  EXPECT_TRUE(holds(asked.err, "--yes")) << asked.err;
  EXPECT_EQ(count("status = 'error'"), "2");
  const Ended below = sluice({"jobs", "retry", "--status", "error", "--attempts-below", "3", "--yes"});
  EXPECT_EQ(below.out, "1 job retried\n");
  EXPECT_EQ(status("b"), "error");
  EXPECT_EQ(sluice({"jobs", "retry", "--status", "error", "--yes", "--json"}).out,
            "{\"retried\":1,\"interrupted\":false}\n");
}

TEST_F(Jobs, ThatWaitAreCancelled) {
  put("waits", "pending");
  put("delayed", "scheduled");
  put("failed", "error");
  put("dead", "error");
  database.exec(
      "INSERT INTO sluice.schedule SELECT id, now(), status FROM \"Outbox\" WHERE id IN ('delayed', "
      "'failed')");
  const Ended cancelled = sluice({"jobs", "cancel", "waits", "delayed", "failed", "dead"});
  EXPECT_EQ(cancelled.code, 1);
  EXPECT_EQ(cancelled.out, "waits cancelled\ndelayed cancelled\nfailed cancelled\n");
  EXPECT_TRUE(holds(cancelled.err, "dead was not cancelled: it has failed")) << cancelled.err;
  ASSERT_TRUE(drains());
  EXPECT_EQ(count("status = 'error'"), "4");
  EXPECT_EQ(result("waits"), "cancelled cancelled-by-hand");
}

TEST_F(Jobs, ThatRunAreAskedToStopAndNotRetried) {
  Program program({"run"}, environment());
  insert("a", "test.probe", probe("wait_cancel"));
  insert("b", "test.single", probe("wait_cancel"));
  ASSERT_TRUE(lines_in("started", 2)) << program.err();
  const Ended asked = sluice({"jobs", "cancel", "a"});
  EXPECT_EQ(asked.code, 0) << asked.err;
  EXPECT_TRUE(holds(asked.out, "a: asked runtime ")) << asked.out;
  ASSERT_TRUE(becomes("a", "error")) << program.err();
  EXPECT_EQ(result("a"), "cancelled cancelled-by-hand");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.schedule"), "0");
  EXPECT_EQ(status("b"), "processing");
  EXPECT_TRUE(
      eventually([&] { return database.value("SELECT count(*) FROM sluice.cancel_request") == "0"; }));
}

TEST_F(Jobs, QueuedInAHostAreCancelledWithoutStarting) {
  Program program({"run"}, environment());
  insert_many(5, "test.probe", probe("wait_cancel"));
  ASSERT_TRUE(lines_in("started", 4)) << program.err();
  const std::string started = scratch.read("started");
  std::string queued = "job-1";
  for (int i = 2; holds(started, queued + " "); ++i) queued = "job-" + std::to_string(i);
  const std::string running = started.substr(0, started.find(' '));
  EXPECT_EQ(sluice({"jobs", "cancel", queued}).code, 0);
  EXPECT_EQ(sluice({"jobs", "cancel", running}).code, 0);  // which would let the queued job start
  EXPECT_TRUE(becomes(queued, "error") && becomes(running, "error"));
  EXPECT_EQ(result(queued),
            "cancelled cancelled-by-hand");  // by its host, or in the table if it was given back
  EXPECT_EQ(scratch.read("started"), started);
}

TEST_F(Jobs, GivenBackBeforeTheRequestWasSeenAreCancelledByTheNextRuntime) {
  put("a", "pending");
  database.exec("INSERT INTO sluice.cancel_request VALUES ('a'), ('gone')");
  ASSERT_TRUE(drains());
  EXPECT_EQ(result("a"), "cancelled cancelled-by-hand");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.cancel_request"), "0");
}

TEST_F(Jobs, OfAPausedTypeWaitUntilItIsResumed) {
  EXPECT_EQ(sluice({"jobs", "pause", ""}).code, 2);
  const Ended paused = sluice({"jobs", "pause", "test.probe", "--reason", "the server moves"});
  EXPECT_EQ(paused.code, 0) << paused.err;
  insert("a", "test.probe", probe("ok"));
  insert("b", "test.single", probe("ok"));
  ASSERT_TRUE(drains()) << "a drain leaves paused jobs alone, and ends";
  EXPECT_EQ(status("a") + " " + status("b"), "pending done");
  EXPECT_TRUE(holds(sluice({"status"}).out, "job type test.probe has been paused for "));
  Program program({"run"}, environment());
  insert("c", "test.probe", probe("ok"));
  insert("d", "test.single", probe("ok"));
  ASSERT_TRUE(becomes("d", "done")) << program.err();
  EXPECT_EQ(status("a") + " " + status("c"), "pending pending");
  EXPECT_EQ(sluice({"jobs", "resume", "test.probe"}).code, 0);
  EXPECT_TRUE(becomes("a", "done") && becomes("c", "done")) << program.err();
  EXPECT_EQ(sluice({"jobs", "pause", "test.probe"}).code, 0);
  ASSERT_TRUE(eventually([&] { return program.said(R"("paused":"test.probe")") == 2; })) << program.err();
  insert("e", "test.probe", probe("ok"));
  insert("f", "test.single", probe("ok"));
  ASSERT_TRUE(becomes("f", "done")) << program.err();
  EXPECT_EQ(status("e"), "pending");
  EXPECT_EQ(sluice({"jobs", "resume", "test.probe"}).code, 0);
  EXPECT_TRUE(becomes("e", "done")) << program.err();
  const Ended again = sluice({"jobs", "resume", "test.probe"});
  EXPECT_EQ(again.code, 1);
  EXPECT_TRUE(holds(again.err, "it is not paused")) << again.err;
}

TEST_F(Jobs, ChangedByHandAreRecordedWithTheUser) {
  put("a", "error");
  put("b", "error");
  EXPECT_EQ(sluice({"jobs", "retry", "a"}).code, 0);
  EXPECT_EQ(sluice({"jobs", "retry", "--status", "error", "--yes"}).code, 0);
  EXPECT_EQ(database.value(
                "SELECT string_agg(action || ' ' || source || ' ' || affected || ' ' || over, ',' ORDER BY "
                "id) FROM sluice.audit WHERE actor LIKE '%_@_%'"),
            "retry cli 1 true,retry cli 1 true");
}

TEST_F(Jobs, OutcomesAreCountedByVersionWithTheirTimes) {
  insert("a", "test.probe", probe("ok"));
  insert("b", "test.probe", probe("fail"));
  ASSERT_TRUE(drains());
  EXPECT_EQ(
      database.value("SELECT string_agg(outcome || ' ' || count, ',' ORDER BY outcome) FROM sluice.minute "
                     "WHERE type = 'test.probe' AND plugin_version <> ''"),
      "done 1,failed 1");
  EXPECT_EQ(database.value(
                "SELECT count(*) FROM sluice.minute WHERE (SELECT sum(w) FROM unnest(waiting) w) = count "
                "AND (SELECT sum(r) FROM unnest(running) r) = count"),
            "2");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE plugin_version <> ''"), "1");
}

TEST_F(Jobs, AreDeletedWithTheirRecordsButNotWhileTheyRun) {
  insert("a", "test.probe", probe("fail"));
  insert("b", "test.probe", probe("output"));
  ASSERT_TRUE(drains());
  put("runs", "processing", "20 min");
  claim("runs", "1 s");
  EXPECT_EQ(sluice({"jobs", "delete", "a", "b"}).code, 2);
  const Ended deleted = sluice({"jobs", "delete", "a", "b", "runs", "--yes"});
  EXPECT_EQ(deleted.code, 1);
  EXPECT_EQ(deleted.out, "a deleted\nb deleted\n");
  EXPECT_TRUE(holds(deleted.err, "runs was not deleted")) << deleted.err;
  EXPECT_EQ(count("true"), "1");
  EXPECT_EQ(side_rows("a") + side_rows("b"), "00");
}

TEST_F(Jobs, ArePrunedByStatusAndAge) {
  database.exec(
      R"(INSERT INTO "Outbox" SELECT 'd' || i, 'test.probe', '{}', 'done', timestamp '2020-01-01', now(), 1
                   FROM generate_series(1, 2500) i)");
  put("recent", "done", "1 d");
  put("failed", "error", "40 d");
  put("retries", "error", "40 d");
  database.exec(
      "INSERT INTO sluice.schedule VALUES ('retries', now(), 'error');"
      "INSERT INTO sluice.attempt (job_id, attempt, type, result) VALUES ('d1', 1, '', 'retry')");
  EXPECT_EQ(sluice({"jobs", "prune", "--older-than", "30d", "--dry-run"}).out, "would delete 2,500 jobs\n");
  EXPECT_EQ(sluice({"jobs", "prune", "--older-than", "30d"}).code, 2);
  EXPECT_EQ(count("true"), "2503");
  EXPECT_EQ(sluice({"jobs", "prune", "--older-than", "30d", "--yes"}).out, "2,500 jobs deleted\n");
  EXPECT_EQ(side_rows("d1"), "0");
  EXPECT_EQ(sluice({"jobs", "prune", "--status", "failed", "--older-than", "30d", "--yes"}).out,
            "1 job deleted\n");
  EXPECT_EQ(listed({}), "recent,retries");
}

TEST_F(Jobs, ArePrunedUntilInterruptedBetweenTwoBatches) {
  database.exec(R"(INSERT INTO "Outbox" SELECT 'd' || i, 'test.probe', '{}', 'done',
                   timestamp '2020-01-01' + i * interval '1 s', now(), 1 FROM generate_series(1, 5000) i;
                   INSERT INTO sluice.attempt (job_id, attempt, type, result) VALUES ('d1500', 1, '', 'retry'))");
  Session other(database.url());
  other.exec("BEGIN; SELECT FROM sluice.attempt FOR UPDATE");
  Program prune({"jobs", "prune", "--older-than", "1d", "--yes"}, environment());
  ASSERT_TRUE(eventually([&] {
    return database.value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
               "wait_event_type = 'Lock'") == "1";
  }));
  EXPECT_EQ(count("true"), "4000") << "the first batch is committed, and the second waits";
  prune.signal(SIGINT);
  other.exec("COMMIT");
  EXPECT_EQ(prune.wait(), 1);
  EXPECT_EQ(prune.out(), "2,000 jobs deleted, then interrupted\n");
  EXPECT_EQ(count("true"), "3000");
}

TEST_F(Jobs, HealthReportsProblems) {
  const Ended good = sluice({"health", "db"});
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_FALSE(holds(good.out, "failed")) << good.out;
  put("abandoned", "processing", "11 min");
  put("somebody-elses", "processing", "1 min");
  database.exec("DROP INDEX \"Outbox_status_createdAt_idx\"");
  const Ended warned = sluice({"health", "db", "--json"});
  EXPECT_EQ(warned.code, 0) << warned.out;
  EXPECT_TRUE(holds(warned.out, "indexes on (status createdAt)")) << warned.out;
  EXPECT_TRUE(holds(warned.out, "jobs that are stuck in processing: 1")) << warned.out;
  EXPECT_TRUE(holds(warned.out, "jobs in processing that no runtime holds: 1")) << warned.out;
  EXPECT_TRUE(holds(warned.out, "set processing_after")) << warned.out;
  database.exec("ALTER DATABASE \"" + database.name() + "\" SET default_transaction_read_only = on");
  const Ended standby = sluice({"health", "db"});
  EXPECT_EQ(standby.code, 1);
  EXPECT_TRUE(holds(standby.out, "accepts no writes")) << standby.out;
  const Ended unreachable =
      run({"health", "db"}, {{"DATABASE_URL", "postgresql://ada:s3cr3t@127.0.0.1:1/app"}});
  EXPECT_EQ(unreachable.code, 1);
  EXPECT_FALSE(holds(unreachable.out + unreachable.err, "s3cr3t"));
}

TEST_F(Jobs, HealthNamesMissingRights) {
  const std::string role = "reader_" + database.name();
  database.exec("CREATE ROLE " + role + " LOGIN; GRANT SELECT ON \"Outbox\" TO " + role +
                "; GRANT USAGE ON SCHEMA sluice TO " + role +
                "; GRANT SELECT ON ALL TABLES IN SCHEMA sluice TO " + role);
  const Ended health = run({"health", "db"}, {{"DATABASE_URL", database.url_as(role)}});
  EXPECT_EQ(health.code, 1);
  EXPECT_TRUE(holds(health.out, "UPDATE on table \"public\".\"Outbox\"")) << health.out << health.err;
  EXPECT_TRUE(holds(health.out, "EXECUTE on function sluice.enqueue_job")) << health.out;
  database.exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_F(Jobs, ThatAreDoneShowWhoRanThemIfTracesAreKept) {
  insert("before", "test.probe", probe("ok"));
  ASSERT_TRUE(drains());
  EXPECT_FALSE(holds(sluice({"jobs", "show", "before"}).out, "done by"));
  scratch.write("sluice.toml", scratch.read("sluice.toml") + "[retention]\ntraces = \"1h\"\n");
  insert_many(2500, "test.probe", probe("ok"));
  ASSERT_TRUE(drains());
  EXPECT_EQ(database.value("SELECT sum(cardinality(job_ids)) FROM sluice.trace"), "2500");
  const std::string shown = sluice({"jobs", "show", "job-1"}).out;
  EXPECT_TRUE(holds(shown, "done by   attempt 1 ran for ")) << shown;
  EXPECT_TRUE(holds(shown, ", in plugin host ")) << shown;
  const std::string text = sluice({"jobs", "show", "job-2500", "--json"}).out;
  EXPECT_EQ(json(text, "{done_by,attempt}"), "1");
  EXPECT_GT(std::stol(json(text, "{done_by,pid}")), 1);
  EXPECT_NE(json(text, "{done_by,pid}"), json(text, "{done_by,plugin_host}"));
  EXPECT_GE(std::stod(json(text, "{done_by,duration_seconds}")), 0);
}

}  // namespace
}  // namespace sluice::test
