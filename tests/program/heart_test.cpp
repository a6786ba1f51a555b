// Disturbances of the database while a runtime works: locks, and a server that is stopped, hangs, or is
// created again. No healthy runtime is presumed dead, no job runs twice, and a stop ends.
#include <signal.h>

#include <regex>

#include "base/address.hpp"
#include "http/inquiry.hpp"
#include "program/outbox.hpp"
#include "support/own_server.hpp"

namespace sluice::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds lease{2};
/// The delay that a busy machine may add to a guaranteed time.
constexpr seconds slack{5};

class Heart : public Outbox {
 protected:
  Heart() { configure(""); }

  void configure(const std::string& runtime, const std::string& more = "") {
    config = scratch.write("heart.toml",
                           "[retry]\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n"
                           "[runtime]\npoll_interval = \"20ms\"\nheartbeat = \"300ms\"\nlease = \"2s\"\n" +
                               runtime + more);
  }
  Program& start() {
    programs_.push_back(std::make_unique<Program>(std::vector<std::string>{"run"}, environment()));
    EXPECT_TRUE(programs_.back()->says("plugins loaded")) << programs_.back()->err();
    return *programs_.back();
  }
  std::string runtimes() {
    return database.value("SELECT string_agg(id::text, ',' ORDER BY id) FROM sluice.runtime");
  }
  /// Drops the schema while the program uses it. Repeats this if the server cancels it because of a deadlock.
  void drop_schema() {
    ASSERT_TRUE(eventually([&] {
      try {
        database.exec("DROP SCHEMA sluice CASCADE");
        return true;
      } catch (const std::runtime_error&) {
        return false;
      }
    }));
  }
  /// Waits until a runtime that has not beaten meanwhile is presumed dead.
  static void outlast_the_lease() {
    const auto end = Clock::now() + lease + milliseconds(500);
    eventually([&] { return Clock::now() > end; });
  }
  std::size_t starts() const {
    const std::string text = scratch.read("started");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  void expect_each_done_once(int jobs) {
    EXPECT_TRUE(eventually([&] { return count("status = 'done'") == std::to_string(jobs); }))
        << database.rows("SELECT id, status, attempts FROM \"Outbox\" WHERE status <> 'done'");
    EXPECT_EQ(count("attempts = 1"), std::to_string(jobs));
    EXPECT_EQ(starts(), static_cast<std::size_t>(jobs));
    EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt"), "0");
    for (const auto& program : programs_) {
      EXPECT_EQ(program->err().find("rescued"), std::string::npos) << program->err();
      EXPECT_EQ(program->err().find("no longer knows this runtime"), std::string::npos) << program->err();
    }
  }
  bool logged(const Program& program, const std::string& words) {
    return program.err().find(words) != std::string::npos;
  }

 private:
  std::vector<std::unique_ptr<Program>> programs_;
};

class LockModes : public Heart, public testing::WithParamInterface<const char*> {};

TEST_P(LockModes, ATableLockedForLongerThanTheLeaseIsHarmless) {
  Program& program = start();
  const std::string runtime = runtimes();
  insert("slow", "test.probe", probe("ok", R"(,"ms":2500)"));
  insert("once", "test.once", probe("ok", R"(,"ms":2500)"));
  ASSERT_TRUE(lines_in("started", 2));
  Session application(database.url());
  application.exec(std::string("BEGIN; LOCK TABLE \"Outbox\" IN ") + GetParam() + " MODE");
  EXPECT_TRUE(program.says("sluice waits for a lock that another session holds")) << program.err();
  EXPECT_TRUE(logged(program, "LOCK TABLE"))
      << "the log must have the query of the lock's holder: " << program.err();
  outlast_the_lease();
  application.exec("COMMIT");
  expect_each_done_once(2);
  EXPECT_EQ(runtimes(), runtime);
  EXPECT_TRUE(program.says("sluice no longer waits for a lock"));
}

INSTANTIATE_TEST_SUITE_P(Modes, LockModes, testing::Values("SHARE", "ACCESS EXCLUSIVE"),
                         [](const auto& mode) {
                           return std::string(mode.param) == "SHARE" ? "Share" : "AccessExclusive";
                         });

TEST_F(Heart, ALockedRowWithADueRetryDelaysNoOther) {
  Program& program = start();
  const std::string runtime = runtimes();
  insert("held", "test.probe", probe("retry_until", R"(,"until":2,"after_ms":1500)"));
  ASSERT_TRUE(becomes("held", "error"));
  Session application(database.url());
  application.exec(R"(BEGIN; UPDATE "Outbox" SET payload = payload WHERE id = 'held')");
  insert("other", "test.probe", probe("retry_until", R"(,"until":2,"after_ms":1500)"));
  insert("slow", "test.once", probe("ok", R"(,"ms":3000)"));
  EXPECT_TRUE(program.says("another session has locked the rows of due jobs")) << program.err();
  EXPECT_TRUE(logged(program, "\"job\":\"held\"")) << program.err();
  EXPECT_TRUE(logged(program, "UPDATE \\\"Outbox\\\"")) << program.err();
  insert("fresh", "test.probe", probe("ok"));
  for (const char* id : {"other", "slow", "fresh"}) EXPECT_TRUE(becomes(id, "done"));
  outlast_the_lease();
  EXPECT_EQ(status("held"), "error");
  EXPECT_EQ(runtimes(), runtime);
  application.exec("COMMIT");
  EXPECT_TRUE(becomes("held", "done"));
  EXPECT_EQ(attempts("held"), "2");
  EXPECT_EQ(attempts("slow"), "1");
  EXPECT_FALSE(logged(program, "rescued")) << program.err();
}

TEST_F(Heart, NewJobsDoNotWaitForAllDueJobs) {
  constexpr int many = 30000;
  insert_many(many, "test.probe", R"({"do":"ok"})");
  database.exec(
      R"(UPDATE "Outbox" SET status = 'error', "createdAt" = now() - interval '1 day';
         INSERT INTO sluice.schedule SELECT id, now(), 'error' FROM "Outbox")");
  start();
  const std::string runtime = runtimes();
  ASSERT_TRUE(eventually([&] { return count("status = 'done'") != "0"; }));
  insert("fresh", "test.once", probe("ok"));
  ASSERT_TRUE(becomes("fresh", "done"));
  EXPECT_NE(count("status = 'error'"), "0") << "the new job must not wait for all due jobs";
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == std::to_string(many + 1); }, seconds(120)));
  EXPECT_EQ(runtimes(), runtime);
}

TEST_F(Heart, AStopEndsEvenIfTheTableIsLocked) {
  configure("drain_timeout = \"500ms\"\ncancel_grace = \"500ms\"\n");
  insert("a", "test.probe", probe("ok"));
  Program& program = start();
  ASSERT_TRUE(becomes("a", "done"));
  Session application(database.url());
  application.exec(R"(BEGIN; LOCK TABLE "Outbox")");
  ASSERT_TRUE(eventually([&] {
    return database.value(
               "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '\"Outbox\"'::regclass") !=
           "0";
  })) << "a claim must wait for the lock";
  const auto began = Clock::now();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(60), 0) << program.err();
  EXPECT_LT(Clock::now() - began, seconds(6) + slack) << program.err();
}

TEST_F(Heart, ContinuesUnderANewIdAfterTheSchemaWasCreatedAgain) {
  Program& program = start();
  insert("before", "test.probe", probe("ok"));
  ASSERT_TRUE(becomes("before", "done"));
  drop_schema();
  EXPECT_TRUE(program.says("the database refuses sluice's statements")) << program.err();
  ASSERT_EQ(sluice({"init"}).code, 0);
  insert("after", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("after", "done")) << program.err();
  insert("brief", "test.brief", probe("ok"));
  EXPECT_TRUE(becomes("brief", "done")) << program.err();
  EXPECT_TRUE(program.says("continues under a new id")) << program.err();
  // A second time, because the runtime's number may be reused in a new schema.
  drop_schema();
  ASSERT_EQ(sluice({"init"}).code, 0);
  insert("again", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("again", "done")) << program.err();
}

TEST_F(Heart, ContinuesUnderANewIdAfterTheDatabaseWasRestored) {
  Program& program = start();
  insert("before", "test.probe", probe("ok"));
  ASSERT_TRUE(becomes("before", "done"));
  const std::string before = runtimes();
  database.exec("UPDATE sluice.runtime SET beat_at = beat_at - interval '1 s'");  // as in a restored backup
  EXPECT_TRUE(program.says("continues under a new id")) << program.err();
  EXPECT_TRUE(eventually([&] { return runtimes() != before; }));
  insert("after", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("after", "done")) << program.err();
}

TEST_F(Heart, ADrainWaitsForTheLeaseOfALostRuntimeAndTakesItsJobs) {
  insert("a", "test.probe", probe("ok", R"(,"ms":600000)"));
  insert("b", "test.once", probe("ok", R"(,"ms":600000)"));
  Program& lost = start();
  ASSERT_TRUE(lines_in("started", 2));
  lost.signal(SIGKILL);
  lost.wait();
  outlast_the_lease();  // the lost runtime is not alive any more, but might still come back
  database.exec(R"(UPDATE "Outbox" SET payload = '{}')");
  const Ended drained = sluice({"drain"});
  EXPECT_NE(drained.err.find("waiting until the leases"), std::string::npos) << drained.err;
  EXPECT_EQ(status("a"), "done") << drained.err;
  EXPECT_EQ(attempts("a"), "2");
  EXPECT_EQ(status("b"), "error");
}

/// Gives a test its own server.
class Server {
 protected:
  OwnServer server_;
};
class Blackout : protected Server, public Heart {};

TEST_F(Blackout, NoJobIsRescuedAfterTheServerWasStopped) {
  start();
  start();
  insert_many(8, "test.probe", probe("ok", R"(,"ms":1500)"));
  insert("once", "test.once", probe("ok", R"(,"ms":1500)"));
  ASSERT_TRUE(lines_in("started", 5));
  const std::string both = runtimes();
  server_.stop();
  outlast_the_lease();
  server_.start();
  ASSERT_TRUE(eventually([&] {
    try {
      return database.value("SELECT 1") == "1";
    } catch (const std::runtime_error&) {
      return false;  // the next call reconnects
    }
  }));
  expect_each_done_once(9);
  EXPECT_EQ(runtimes(), both);
}

TEST_F(Blackout, OutcomesAreWrittenOnceIfTheServerHungForLongerThanTheLease) {
  Program& program = start();
  insert_many(4, "test.probe", probe("ok", R"(,"ms":1000)"));
  insert("once", "test.once", probe("ok", R"(,"ms":1000)"));
  ASSERT_TRUE(lines_in("started", 4));
  const std::string runtime = runtimes();
  {
    const Frozen frozen(server_);
    EXPECT_TRUE(program.says("the database does not answer")) << program.err();
    outlast_the_lease();
  }
  expect_each_done_once(5);
  EXPECT_EQ(runtimes(), runtime);
}

TEST_F(Blackout, AHangingServerMakesTheRuntimeUnreadyWithinSeconds) {
  configure("", "[http]\nlisten = \"127.0.0.1:0\"\n");
  Program& program = start();
  std::smatch url;
  const std::string log = program.err();
  ASSERT_TRUE(std::regex_search(log, url, std::regex("http://(127\\.0\\.0\\.1:[0-9]+)"))) << log;
  const base::Address address = *base::parse_address(url[1].str());
  const auto get = [&](const std::string& path) { return http::ask(address, path, std::chrono::minutes(1)); };
  ASSERT_TRUE(eventually([&] { return get("/readyz").status == 200; })) << get("/readyz").body;
  {
    const Frozen frozen(server_);
    const auto began = Clock::now();
    Clock::duration slowest{};
    http::Answer answer;
    ASSERT_TRUE(eventually([&] {
      const auto asked = Clock::now();
      answer = get("/readyz");
      slowest = std::max(slowest, Clock::now() - asked);
      return answer.status == 503;
    }));
    EXPECT_LT(Clock::now() - began, seconds(2) + slack);
    EXPECT_LT(slowest, seconds(1) + slack);
    EXPECT_NE(answer.body.find("the database has not answered for"), std::string::npos) << answer.body;
    EXPECT_NE(get("/metrics").body.find("\nsluice_database_up 0"), std::string::npos);
    EXPECT_EQ(get("/livez").status, 200);
  }
  EXPECT_TRUE(eventually([&] { return get("/readyz").status == 200; })) << get("/readyz").body;
}

TEST_F(Blackout, AStopEndsEvenIfTheServerHangs) {
  configure("drain_timeout = \"500ms\"\ncancel_grace = \"500ms\"\n");
  insert("slow", "test.probe", probe("ok", R"(,"ms":600000)"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 1));
  const Frozen frozen(server_);
  const auto began = Clock::now();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(60), 0) << program.err();
  EXPECT_LT(Clock::now() - began, seconds(6) + slack) << program.err();
}

TEST_F(Blackout, ASecondSignalShortensAStopWhileTheServerHangs) {
  configure("drain_timeout = \"10m\"\ncancel_grace = \"500ms\"\n");
  insert("slow", "test.probe", probe("ok", R"(,"ms":600000)"));
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 1));
  const Frozen frozen(server_);
  program.signal(SIGTERM);
  ASSERT_TRUE(program.says("stopping: claiming no more"));
  const auto began = Clock::now();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(60), 0) << program.err();
  EXPECT_LT(Clock::now() - began, milliseconds(5500) + slack) << program.err();
}

}  // namespace
}  // namespace sluice::test
