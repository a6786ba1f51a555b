// Follow-up jobs and effects: they are committed with their job, exactly once.
#include <signal.h>

#include <set>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Effect : public Outbox {
 protected:
  Effect() {
    database.exec("CREATE ROLE " + role_ + " NOLOGIN");
    database.exec("CREATE TABLE public.effect (job text, n int, nothing text)");
    database.exec("CREATE TABLE public.secret (n int)");
    database.exec("GRANT INSERT, SELECT ON public.effect TO " + role_);
    config = scratch.write("granted.toml",
                           scratch.read("sluice.toml") + "[plugin.probe]\nrole = \"" + role_ + "\"\n");
    const Ended made = sluice({"init"});
    EXPECT_EQ(made.code, 0) << made.err;
  }
  ~Effect() override {
    database.exec("DROP OWNED BY " + role_);
    database.exec("DROP ROLE " + role_);
  }
  std::string effect(const std::string& sql, const std::string& more = "") const {
    return probe("effect", ",\"sql\":\"" + sql + "\"" + more);
  }
  std::string effects() { return database.value("SELECT count(*) FROM public.effect"); }

  const std::string insert_ = "INSERT INTO effect VALUES ($1, $2::int, $3)";
  // A role belongs to the whole server, not to one database.
  const std::string role_ = "effects_of_" + database.name();
};

TEST_F(Effect, CommitsWithItsJob) {
  insert("a", "test.probe", effect(insert_));
  EXPECT_TRUE(drains());
  EXPECT_EQ(database.rows("SELECT job, n, nothing IS NULL FROM public.effect"), "a|42|t\n");
  EXPECT_EQ(status("a"), "done") << error("a");
}

TEST_F(Effect, OfAnAttemptThatIsNotDoneIsNotCommitted) {
  insert("a", "test.probe", effect(insert_, R"(,"result":"retry")"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(effects(), "0");
  EXPECT_EQ(status("a"), "error");
}

TEST_F(Effect, ThatFailsAffectsOnlyItsJob) {
  for (int i = 0; i < 20; ++i) insert("good-" + std::to_string(i), "test.probe", effect(insert_));
  insert("bad", "test.probe", effect("INSERT INTO effect VALUES ($1, $1::int)"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(effects(), "20");
  EXPECT_EQ(status("bad"), "error");
  EXPECT_NE(error("bad").find("invalid input syntax for type integer"), std::string::npos) << error("bad");
  EXPECT_EQ(database.value("SELECT code FROM sluice.attempt WHERE job_id = 'bad' LIMIT 1"), "effect-22P02");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.claim"), "0");
}

// A hostile or careless plugin must not get beyond its role.
TEST_F(Effect, CanNotChangeItsRole) {
  const std::set<std::string> forbidden{
      "INSERT INTO secret VALUES (1)",
      "SET ROLE NONE",
      "RESET ROLE",
      "SELECT set_config('role', 'none', false)",
      "SET SESSION AUTHORIZATION DEFAULT",
      "COMMIT",
      "ROLLBACK",
      "UPDATE \\\"Outbox\\\" SET status = 'done'",
      "SELECT sluice.enqueue('x')",
      "DELETE FROM sluice.claim",
      "SELECT pg_read_file('/etc/passwd')",
  };
  int number = 0;
  for (const std::string& sql : forbidden)
    insert("job-" + std::to_string(++number), "test.probe", effect(sql));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'error'"), std::to_string(forbidden.size()))
      << database.rows("SELECT id, payload->>'sql', status FROM \"Outbox\" WHERE status <> 'error'");
  EXPECT_EQ(database.value("SELECT count(*) FROM public.secret"), "0");
}

TEST_F(Effect, IsRefusedWithoutAGrant) {
  config = scratch.write("ungranted.toml", "[plugin.probe]\nslots = 1\n");
  insert("a", "test.probe", effect(insert_));
  EXPECT_TRUE(drains());
  EXPECT_NE(error("a").find("no role is granted to it"), std::string::npos) << error("a");
  EXPECT_EQ(effects(), "0");
}

TEST_F(Effect, WithoutItsFunctionIsRefusedAtTheStart) {
  config = scratch.write("unknown.toml", "[plugin.probe]\nrole = \"nobody_of_that_name\"\n");
  const Ended drained = sluice({"drain"});
  EXPECT_EQ(drained.code, 1);
  EXPECT_NE(drained.err.find("run sluice init"), std::string::npos) << drained.err;
  const Ended made = sluice({"init"});
  EXPECT_EQ(made.code, 1);
  EXPECT_NE(made.err.find("does not exist"), std::string::npos) << made.err;
}

TEST_F(Effect, AFollowUpRunsAfterItsJob) {
  insert("a", "test.probe", probe("enqueue", R"(,"payload":"{\"do\":\"output\",\"value\":7}","unique":"k")"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done'"), "2");
  EXPECT_EQ(database.value("SELECT o.output FROM sluice.output o JOIN sluice.unique_key k USING (job_id)"),
            "7");
}

TEST_F(Effect, AnInvalidFollowUpFailsItsJob) {
  insert("a", "test.probe", probe("enqueue", R"(,"payload":"{nonsense")"));
  insert("b", "test.probe", probe("enqueue", R"(,"type":"")"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'error'"), "2");
  EXPECT_NE(error("a").find("was refused"), std::string::npos) << error("a");
}

// The runtime is killed before the handler has ended, while its effects wait for a lock, and afterwards.
TEST_F(Effect, HappensExactlyOnceEvenIfTheRuntimeIsKilled) {
  int jobs = 0;
  for (std::size_t step = 1; step <= 6; ++step) {
    // If a kill is slow, all earlier jobs may already be done.
    for (const int last = jobs + 20; jobs < last; ++jobs) {
      insert("job-" + std::to_string(jobs), "test.probe", effect(insert_, R"(,"ms":3)"));
    }
    const std::string before = scratch.read("started");
    const auto started = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    Session blocker(database.url());
    if (step % 2 == 0) blocker.exec("BEGIN; LOCK TABLE public.effect IN EXCLUSIVE MODE");
    Program runtime({"run"}, environment());
    EXPECT_TRUE(lines_in("started", started + 6));
    if (step % 2 == 0) {
      EXPECT_TRUE(eventually([&] {
        return database.value(
                   "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                   "'public.effect'::regclass") != "0";
      }));
    }
    runtime.signal(SIGKILL);
    EXPECT_EQ(runtime.wait(), -SIGKILL);
    if (step % 2 == 0) blocker.exec("ROLLBACK");
  }
  Program last({"run"}, environment());
  EXPECT_TRUE(eventually([&] {
    // Each kill costs the started jobs an attempt. The test does not wait for retries.
    database.exec("UPDATE \"Outbox\" SET status = 'pending', attempts = 0 WHERE status = 'error'");
    return count("status = 'done'") == std::to_string(jobs);
  })) << last.err();
  EXPECT_EQ(effects(), std::to_string(jobs));
  EXPECT_EQ(database.value("SELECT count(DISTINCT job) FROM public.effect"), std::to_string(jobs));
}

}  // namespace
}  // namespace sluice::test
