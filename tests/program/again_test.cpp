// Which jobs run again, and which lose an attempt, after kills, outages of the database and changes by hand.
#include <fstream>

#include <signal.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class Again : public Outbox {
 protected:
  std::unique_ptr<Program> start() const {
    auto program = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
    EXPECT_TRUE(program->says("plugins loaded")) << program->err();
    return program;
  }
  /// The payload of a job that waits until open(name).
  std::string waits_for(const std::string& name) const {
    return probe("wait_file", ",\"gate\":\"" + scratch.path(name) + "\"");
  }
  void open(const std::string& name, int attempt = 1) const {
    std::ofstream(scratch.path(name + "-" + std::to_string(attempt))) << "open";
  }
  std::size_t started() const {
    const std::string text = scratch.read("started");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
};

TEST_F(Again, AKilledRuntimeEndsOnlyStartedAtMostOnceJobs) {
  insert_many(400, "test.once", waits_for("gate"));
  auto lost = start();
  ASSERT_TRUE(lines_in("started", 4));
  lost->signal(SIGKILL);
  lost->wait();
  open("gate");
  auto other = start();
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "396"; }))
      << database.rows(R"(SELECT status, count(*) FROM "Outbox" GROUP BY 1)");
  EXPECT_TRUE(eventually([&] { return count("status = 'error'") == "4"; }));
  EXPECT_EQ(started(), 400U);
  EXPECT_EQ(count("attempts <> 1"), "0");
}

TEST_F(Again, AKilledRuntimeCostsOnlyStartedJobsAnAttempt) {
  insert_many(60, "test.probe", waits_for("gate"));
  auto lost = start();
  ASSERT_TRUE(lines_in("started", 4));
  lost->signal(SIGKILL);
  lost->wait();
  for (const int attempt : {1, 2}) open("gate", attempt);
  auto other = start();
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "60"; }));
  EXPECT_EQ(count("attempts = 2"), "4");
  EXPECT_EQ(count("attempts = 1"), "56");
}

// Quick jobs make the first runtime's queue long, and then it gets slow jobs.
TEST_F(Again, ASecondRuntimeHasWorkAtOnce) {
  insert_many(3000, "test.probe");
  database.exec(R"(UPDATE "Outbox" SET "createdAt" = now() - interval '1 hour')");
  for (int i = 0; i < 200; ++i) insert("slow-" + std::to_string(i), "test.probe", waits_for("gate"));
  auto first = start();
  ASSERT_TRUE(lines_in("started", 4));
  auto second = start();
  EXPECT_TRUE(lines_in("started", 8)) << "the first runtime has claimed jobs that it can't run yet:\n"
                                      << first->err();
  open("gate");
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "3200"; }));
  EXPECT_EQ(count("attempts <> 1"), "0");
  EXPECT_EQ(started(), 200U);
}

TEST_F(Again, ARowInsertedAgainUnderTheSameIdHasItsOwnOutcome) {
  insert("a", "test.probe", waits_for("first"));
  auto program = start();
  ASSERT_TRUE(becomes("a", "processing"));
  database.exec(R"(DELETE FROM "Outbox" WHERE id = 'a')");
  insert("a", "test.probe", waits_for("second"));
  ASSERT_TRUE(lines_in("started", 2));
  open("first");
  ASSERT_TRUE(program->says("outcomes were not written")) << program->err();
  EXPECT_TRUE(becomes("a", "processing"));
  open("second");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_EQ(attempts("a"), "1");
}

TEST_F(Again, AJobWhoseAttemptsAreChangedWhileItRunsEnds) {
  insert("a", "test.probe", waits_for("gate"));
  insert("b", "test.probe", waits_for("gate"));
  auto program = start();
  ASSERT_TRUE(lines_in("started", 2));
  database.exec(R"(UPDATE "Outbox" SET attempts = CASE id WHEN 'a' THEN 0 ELSE 9 END)");
  open("gate");
  EXPECT_TRUE(becomes("a", "done"));
  EXPECT_TRUE(becomes("b", "done"));
}

TEST_F(Again, AnAtMostOnceJobThatEndedDuringAnOutageNeverRunsAgain) {
  config = scratch.write("impatient.toml", scratch.read("sluice.toml") +
                                               "drain_timeout = \"200ms\"\ncancel_grace = \"100ms\"\n");
  insert("a", "test.once", probe("hang"));
  auto program = start();
  ASSERT_TRUE(lines_in("started", 1));
  allow_connections(false);
  database.value(
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
      "current_database() AND pid <> pg_backend_pid()");
  program->signal(SIGTERM);
  program->wait();
  allow_connections(true);
  auto other = start();
  EXPECT_TRUE(becomes("a", "error"));
  EXPECT_EQ(attempts("a"), "1");
  EXPECT_EQ(started(), 1U);
}

}  // namespace
}  // namespace sluice::test
