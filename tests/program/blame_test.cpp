// A plugin host that dies: the job whose handler did it loses an attempt, and no other job does.
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

struct Death {
  const char* action;
  const char* ending;
  const char* function;  ///< in its stack
};

class BlameTest : public Outbox {
 protected:
  std::string stack(const std::string& id) {
    return database.value("SELECT stack FROM sluice.attempt WHERE job_id = $1 ORDER BY id DESC LIMIT 1",
                          {id});
  }
  /// Jobs that wait for scratch file "gate-1", beside others.
  void insert_waiting(const std::vector<std::string>& ids) {
    for (const auto& id : ids)
      insert(id, "test.probe", probe("wait_file", R"(,"gate":")" + scratch.path("gate") + '"'));
  }
};

/// In a frame, with its parameters or, from debugging information, with its place.
bool names_function(const std::string& stack, const std::string& function) {
  return stack.find(function + '(') != std::string::npos ||
         stack.find(function + " at ") != std::string::npos;
}

class Blame : public BlameTest, public testing::WithParamInterface<Death> {};

TEST_P(Blame, FallsOnTheJobWhoseHandlerEndedTheProcess) {
  insert_waiting({"a", "b", "c"});
  Program program({"run"}, environment());
  ASSERT_TRUE(lines_in("started", 3)) << program.err();
  insert("guilty", "test.limits", probe(GetParam().action));
  EXPECT_TRUE(eventually([&] { return status("guilty") == "error" && attempts("guilty") == "2"; }))
      << program.err();
  EXPECT_NE(error("guilty").find(GetParam().ending), std::string::npos) << error("guilty");
  EXPECT_NE(stack("guilty").find(" in probe 1.2.3; its plugin host had used "), std::string::npos);
  EXPECT_TRUE(names_function(stack("guilty"), GetParam().function)) << stack("guilty");
  const bool recursed = std::string(GetParam().action) == "overflow_stack";
  EXPECT_EQ(error("guilty").find("overflowed its stack") != std::string::npos, recursed) << error("guilty");
  EXPECT_EQ(stack("guilty").find("the same again, ") != std::string::npos, recursed) << stack("guilty");
  EXPECT_TRUE(program.says("plugin host died"));
  EXPECT_NE(program.err().find(R"("job":"guilty")"), std::string::npos) << program.err();
  scratch.write("gate-1", "");
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_TRUE(becomes(id, "done")) << id;
    EXPECT_EQ(attempts(id), "1") << id;
  }
  EXPECT_EQ(count("status = 'done'"), "3");
}

INSTANTIATE_TEST_SUITE_P(
    Of, Blame,
    testing::Values(
        Death{"crash", "was killed by signal 11", "crash"},
        Death{"abort", "was killed by signal 6", "abort_process"},
        Death{"exit", "ended with exit status 0", "exit_process"},
        Death{"exit_now", "ended with exit status 3", "exit_now"},
        Death{"overflow_stack",
              "was killed by signal 11 (Segmentation fault) while this job ran and overflowed its stack",
              "sink"}),
    [](const auto& death) { return std::string(death.param.action); });

class Unseen : public BlameTest, public testing::WithParamInterface<const char*> {};

TEST_P(Unseen, EndOfAHostChargesNobodyUntilItHappensAlone) {
  insert_waiting({"a", "b", "c"});
  Program program({"run"}, environment());
  ASSERT_TRUE(lines_in("started", 3)) << program.err();
  insert("guilty", "test.limits", probe(GetParam()));
  EXPECT_TRUE(eventually([&] { return status("guilty") == "error" && attempts("guilty") == "2"; }))
      << program.err();
  scratch.write("gate-1", "");
  for (const char* id : {"a", "b", "c"}) {
    EXPECT_TRUE(becomes(id, "done")) << id;
    EXPECT_EQ(attempts(id), "1") << id;
  }
  EXPECT_NE(program.err().find("runs alone in another one"), std::string::npos) << program.err();
}

INSTANTIATE_TEST_SUITE_P(Of, Unseen, testing::Values("exit_unseen", "crash_thread", "kill"),
                         [](const auto& death) { return std::string(death.param); });

TEST_F(BlameTest, StackOfAThreadWithoutAJobIsLogged) {
  insert("starts-it", "test.limits", probe("crash_thread"));
  Program program({"run"}, environment());
  EXPECT_TRUE(program.says("a thread without a job ended a plugin host")) << program.err();
  EXPECT_NE(program.err().find("write_to_null"), std::string::npos) << program.err();
}

TEST_F(BlameTest, StackOfAJobThatDoesNotStopIsTakenBeforeItsHostIsKilled) {
  insert("hangs", "test.limits", probe("hang"));
  Program program({"run"}, environment());
  EXPECT_TRUE(eventually([&] { return !stack("hangs").empty(); })) << program.err();
  EXPECT_EQ(stack("hangs").rfind("did not stop in probe 1.2.3", 0), 0U) << stack("hangs");
  EXPECT_TRUE(names_function(stack("hangs"), "hang")) << stack("hangs");
}

TEST_F(BlameTest, AttemptSaysWhichBuildRanItAndWhatItsHostTook) {
  insert("crashes", "test.once", probe("crash"));
  insert("fails", "test.once", probe("fail"));
  EXPECT_TRUE(drains());
  const auto known = [&](const std::string& id, const std::string& what) {
    return database.value("SELECT " + what + " FROM sluice.attempt WHERE job_id = $1", {id});
  };
  for (const char* id : {"crashes", "fails"}) {
    EXPECT_EQ(known(id, "plugin || ' ' || plugin_version"), "probe 1.2.3") << id;
    EXPECT_EQ(known(id, "build_id ~ '^[0-9a-f]{16,}$'"), "t") << id;
  }
  EXPECT_EQ(known("crashes", "cpu_seconds > 0 AND peak_memory > 1000000"), "t");
  EXPECT_EQ(known("fails", "cpu_seconds IS NULL AND peak_memory IS NULL"), "t") << "its host lived on";
  const std::string build = known("crashes", "build_id");
  const std::string text = sluice({"jobs", "show", "crashes"}).out;
  EXPECT_NE(text.find("      plugin probe 1.2.3, build " + build + ", whose host had used "),
            std::string::npos)
      << text;
  const std::string json = sluice({"jobs", "show", "crashes", "--json"}).out;
  for (const char* part : {"\"plugin_version\": \"1.2.3\"", "\"cpu_seconds\": ", "\"peak_memory_bytes\": "})
    EXPECT_NE(json.find(part), std::string::npos) << json;
  EXPECT_NE(json.find("\"build_id\": \"" + build + '"'), std::string::npos) << json;
}

TEST_F(BlameTest, JobThatCrashesAgainAndAgainIsPoison) {
  config = scratch.write("poison.toml",
                         "[retry]\nmax_attempts = 10\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\n"
                         "[runtime]\npoll_interval = \"20ms\"\n");
  insert("poison", "test.probe", probe("crash"));
  insert("healthy", "test.probe", probe("ok"));
  Program program({"run"}, environment());
  const auto code = [&] {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = 'poison' ORDER BY id DESC LIMIT 1");
  };
  EXPECT_TRUE(eventually([&] { return code() == "poison"; })) << program.err();
  EXPECT_EQ(attempts("poison"), "3");
  EXPECT_EQ(status("poison"), "error");
  EXPECT_NE(error("poison").find("sluice jobs retry --code poison"), std::string::npos);
  EXPECT_TRUE(becomes("healthy", "done"));
  insert("other-error", "test.probe", probe("fail"));
  EXPECT_TRUE(becomes("other-error", "error"));
  const auto retried = sluice({"jobs", "retry", "--code", "poison", "--yes"});
  EXPECT_EQ(retried.out, "1 job retried\n") << retried.err;
}

}  // namespace
}  // namespace sluice::test
