// Handlers that run for too long: they are asked to stop, then their host is replaced and killed, and nobody
// else pays for it.
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

// The probe declares 500 ms for test.limits, which has two attempts.
class Deadline : public Outbox {
 protected:
  Deadline() { configure(""); }

  void configure(const std::string& more) {
    config = scratch.write("deadline.toml",
                           "[retry]\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n"
                           "[runtime]\npoll_interval = \"20ms\"\ncancel_grace = \"300ms\"\n" +
                               more);
  }
  Program& start() {
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  /// A payload for a handler that waits until open() was called, and then succeeds.
  std::string waits() const { return probe("wait_file", R"(,"gate":")" + scratch.path("gate") + '"'); }
  void open() const { scratch.write("gate-1", ""); }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }

 private:
  std::unique_ptr<Program> program_;
};

TEST_F(Deadline, AHandlerThatListensStopsAndItsAttemptIsATimeout) {
  insert("slow", "test.limits", probe("wait_cancel"));
  Program& program = start();
  EXPECT_TRUE(becomes("slow", "error"));
  EXPECT_TRUE(eventually([&] { return attempts("slow") == "2"; })) << program.err();
  EXPECT_EQ(code("slow"), "timeout");
  EXPECT_EQ(error("slow"), "the job exceeded its time limit of 500 ms and stopped when it was asked to");
  EXPECT_TRUE(program.says("asked a job to stop, because it exceeded its time limit"));
  EXPECT_EQ(program.err().find("plugin host died"), std::string::npos) << "its host serves on";
}

TEST_F(Deadline, AHandlerThatHangsIsKilledAndItsSiblingLosesNoAttempt) {
  insert("sibling", "test.probe", waits());
  Program& program = start();
  ASSERT_TRUE(lines_in("started", 1));
  insert("hangs", "test.limits", probe("hang"));
  ASSERT_TRUE(program.says("another plugin host takes over")) << program.err();
  insert("later", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("later", "done")) << "another host serves, while the first one still has the sibling";
  EXPECT_NE(status("hangs"), "error") << "the sibling still runs";
  open();
  EXPECT_TRUE(becomes("sibling", "done"));
  EXPECT_EQ(attempts("sibling"), "1");
  EXPECT_TRUE(becomes("hangs", "error")) << program.err();
  EXPECT_EQ(code("hangs"), "timeout");
  EXPECT_NE(error("hangs").find("exceeded its time limit of 500 ms and did not stop when it was asked to"),
            std::string::npos)
      << error("hangs");
  EXPECT_TRUE(eventually([&] { return status("hangs") == "error" && attempts("hangs") == "2"; }));
}

TEST_F(Deadline, TheAttemptOfAKilledHandlerTellsWhatItDidLast) {
  insert("hangs", "test.limits", probe("hang", R"(,"say":true)"));
  Program& program = start();
  EXPECT_TRUE(becomes("hangs", "error")) << program.err();
  const auto of_attempt = [&](const std::string& column) {
    return database.value("SELECT " + column +
                          " FROM sluice.attempt WHERE job_id = 'hangs' ORDER BY id LIMIT 1");
  };
  EXPECT_EQ(of_attempt("log_tail"),
            "info: going to hang\nstderr: printed by a handler\nprogress: 40 %, about to hang\n");
  EXPECT_EQ(of_attempt("duration > '500 ms' AND duration < '1 min'"), "t") << of_attempt("duration");
}

TEST_F(Deadline, AJobThatHangsAgainDoesSoAloneAndNoHostIsLeftOver) {
  insert("hangs", "test.limits", probe("hang"));
  Program& program = start();
  EXPECT_TRUE(eventually([&] { return status("hangs") == "error" && attempts("hangs") == "2"; }))
      << program.err();
  EXPECT_EQ(program.said("runs alone in another one"), 1U);
  EXPECT_EQ(program.err().find("a second plugin host did not start"), std::string::npos) << program.err();
  EXPECT_TRUE(eventually([&] { return program.children().size() == 1; })) << program.children().size();
  insert("hangs-too", "test.limits", probe("hang"));
  EXPECT_TRUE(eventually([&] { return program.said("runs alone in another one") == 2; })) << program.err();
}

TEST_F(Deadline, AHungJobThatMayNotRunTwiceEnds) {
  configure("[type.\"test.once\"]\ntimeout = \"200ms\"\n");
  insert("hangs", "test.once", probe("hang"));
  start();
  EXPECT_TRUE(becomes("hangs", "error"));
  EXPECT_EQ(code("hangs"), "timeout");
  EXPECT_EQ(attempts("hangs"), "1");
  EXPECT_TRUE(lines_in("started", 1));
  EXPECT_EQ(count("status = 'error'"), "1");
}

TEST_F(Deadline, TheConfigurationOverridesThePluginsLimit) {
  configure("[type.\"test.limits\"]\ntimeout = \"0s\"\n[type.\"test.other\"]\ntimeout = \"100ms\"\n");
  insert("unlimited", "test.limits", probe("sleep", ",\"ms\":1500"));
  insert("limited", "test.other", probe("wait_cancel"));
  start();
  EXPECT_TRUE(becomes("limited", "error"));
  EXPECT_TRUE(becomes("unlimited", "done"));
  EXPECT_EQ(attempts("unlimited"), "1");
}

TEST_F(Deadline, ATypeWithoutALimitHasTheRuntimes) {
  configure("job_timeout = \"100ms\"\n");
  insert("slow", "test.other", probe("wait_cancel"));
  start();
  EXPECT_TRUE(becomes("slow", "error"));
  EXPECT_EQ(code("slow"), "timeout");
}

TEST_F(Deadline, AHandlerThatIgnoresACancellationByHandIsKilled) {
  insert("hangs", "test.probe", probe("hang"));
  start();
  ASSERT_TRUE(lines_in("started", 1));
  EXPECT_EQ(sluice({"jobs", "cancel", "hangs"}).code, 0);
  EXPECT_TRUE(becomes("hangs", "error"));
  EXPECT_EQ(code("hangs"), "cancelled-by-hand");
  EXPECT_NE(error("hangs").find("; it did not stop when it was asked to; its plugin host was killed"),
            std::string::npos)
      << error("hangs");
  EXPECT_NE(database.value("SELECT stack FROM sluice.attempt WHERE job_id = 'hangs'"), "");
  insert("later", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("later", "done"));
}

TEST_F(Deadline, WhatEndsWithinItsLimitIsUntouched) {
  insert_many(50, "test.limits", probe("sleep", ",\"ms\":5"));
  EXPECT_TRUE(drains());
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), "50");
}

}  // namespace
}  // namespace sluice::test
