// Plugins that attack the runtime or the machine, each beside two good ones, whose jobs are done before,
// during and after the attack.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t small = 200'000;  // more bytes than a log without huge texts has

class Vice : public Outbox {
 protected:
  std::map<std::string, std::string> surroundings() const {
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    return all;
  }

  /// Runs a job of each good plugin.
  testing::AssertionResult others_work() {
    const std::string number = std::to_string(++rounds_);
    insert("probe-" + number, "test.probe");
    insert("c-" + number, "test.c");
    for (const std::string& id : {"probe-" + number, "c-" + number}) {
      if (!becomes(id, "done")) return testing::AssertionFailure() << id << " is " << status(id);
    }
    return testing::AssertionSuccess();
  }

  /// Runs a job with that attack beside good ones, until it has status `outcome`. `more` is added to its
  /// payload.
  void indulge(Program& runtime, const std::string& vice, const std::string& outcome,
               const std::string& more = "") {
    EXPECT_TRUE(others_work());
    insert(vice, "test.vices",
           R"({"do":")" + vice + R"(","file":")" + scratch.path(vice) + "\"" + more + "}");
    EXPECT_TRUE(others_work());
    EXPECT_TRUE(becomes(vice, outcome)) << vice << " is " << status(vice) << ":\n" << runtime.err();
    EXPECT_TRUE(others_work());
    EXPECT_TRUE(runtime.running());
  }

  std::string output(const std::string& id) {
    return database.value("SELECT output FROM sluice.output WHERE job_id = $1", {id});
  }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }

  PluginDirectory directory{{"good/probe", "good/c_plugin", "bad/vices"}};
  std::string impatient = scratch.write(
      "impatient.toml",
      scratch.read("sluice.toml") +
          "drain_timeout = \"200ms\"\ncancel_grace = \"200ms\"\n[type.\"test.vices\"]\nmax_attempts = 1\n");

 private:
  int rounds_ = 0;
};

TEST_F(Vice, ShrinkingTheSharedPageIsRefused) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "cut_page", "done");
  EXPECT_THAT(output("cut_page"), HasSubstr(R"("cut": "Operation not permitted")"));
  EXPECT_THAT(output("cut_page"), HasSubstr(R"("stretched": "Operation not permitted")"));
}

TEST_F(Vice, AHostCannotLeaveItsProcessGroupAndIsKilledAtAStop) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "leave_group", "processing");
  ASSERT_TRUE(lines_in("leave_group", 1));
  EXPECT_EQ(scratch.read("leave_group"), "Operation not permitted\n");
  const std::vector<pid_t> hosts = runtime.children();
  runtime.signal(SIGTERM);
  EXPECT_EQ(runtime.wait(30), 0) << runtime.err();
  for (const pid_t host : hosts) EXPECT_NE(::kill(host, 0), 0) << host;
}

TEST_F(Vice, ProcessesOfAHostEndWithIt) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "leave_child_and_crash", "error");
  const pid_t orphan = std::stoi(scratch.read("leave_child_and_crash"));
  EXPECT_TRUE(eventually([&] { return ::kill(orphan, 0) != 0; }))
      << "the process must end when its host crashes";
  indulge(runtime, "leave_child", "done");
  ASSERT_TRUE(lines_in("leave_child", 1));
  const pid_t child = std::stoi(scratch.read("leave_child"));
  EXPECT_EQ(::kill(child, 0), 0) << "the process may continue while its host exists";
  runtime.signal(SIGTERM);
  EXPECT_EQ(runtime.wait(30), 0) << runtime.err();
  EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; }))
      << "the process must end when its runtime stops";
}

TEST_F(Vice, HugeTextsAreTruncatedAndHugeOutputsFailTheirJob) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "huge_code", "error");
  EXPECT_LE(code("huge_code").size(), 210U);
  EXPECT_LE(error("huge_code").size(), 9'000U);
  indulge(runtime, "huge_output", "error");
  EXPECT_EQ(code("huge_output"), "too-large");
  EXPECT_EQ(error("huge_output"),
            "the handler returned done, but its output takes 50.0 MB, and the limit is 1.0 MB; store large "
            "data elsewhere, and pass a reference to it");
  indulge(runtime, "huge_wishes", "error");
  EXPECT_EQ(code("huge_wishes"), "too-large");
  EXPECT_THAT(error("huge_wishes"),
              HasSubstr("the handler requested follow-up jobs and effects of 50.0 MB in all"));
  indulge(runtime, "many_wishes", "error");
  EXPECT_EQ(code("many_wishes"), "too-many-effects");
  EXPECT_THAT(error("many_wishes"), HasSubstr("requested 50000 follow-up jobs"));
  indulge(runtime, "huge_log", "error");
  indulge(runtime, "huge_note", "done");
  EXPECT_LE(runtime.err().size(), small);
}

TEST_F(Vice, AHugeFrameEndsItsHost) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "huge_frame", "error");
  EXPECT_EQ(code("huge_frame"), "host-died");
  EXPECT_THAT(error("huge_frame"), HasSubstr("sent a frame of impossible length (1073741824 bytes)"));
}

struct BadFrame {
  const char* vice;
  const char* words;
};
class BadFrames : public Vice, public testing::WithParamInterface<BadFrame> {};

TEST_P(BadFrames, EndTheirHost) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, GetParam().vice, "error");
  EXPECT_EQ(code(GetParam().vice), "host-died");
  EXPECT_THAT(error(GetParam().vice), HasSubstr(GetParam().words));
  EXPECT_EQ(attempts(GetParam().vice), "1");
  insert("next", "test.vices");
  EXPECT_TRUE(becomes("next", "done")) << "another host serves:\n" << runtime.err();
}

INSTANTIATE_TEST_SUITE_P(
    Of, BadFrames,
    testing::Values(BadFrame{"ready_again", "sent the answer 'ready' though nothing asked for it"},
                    BadFrame{"described_again", "sent the answer 'described' though nothing asked for it"},
                    BadFrame{"refused_late", "sent the answer 'refused' though nothing asked for it"},
                    BadFrame{"stopped_early", "sent the answer 'stopped' though nothing asked for it"},
                    BadFrame{"unknown_frame", "sent a frame that a host does not send (kind 100)"},
                    BadFrame{"foreign_outcome", "sent an outcome for a job that it does not have"},
                    BadFrame{"odd_outcome", "sent an outcome of an unknown result"},
                    BadFrame{"gives_back", "sent a job back that it was not asked for"},
                    BadFrame{"short_body", "sent a frame that ends within a number"},
                    BadFrame{"many_fields", "sent a log line with too many fields"},
                    BadFrame{"close_socket", "closed its socket"}),
    [](const auto& test) { return std::string(test.param.vice); });

TEST_F(Vice, HalfAFrameAndAFrozenHostEndAtTheTimeLimit) {
  const std::string limited =
      scratch.write("limited.toml", scratch.read("impatient.toml") + "timeout = \"300ms\"\n");
  Program runtime({"run", "--config", limited}, surroundings());
  indulge(runtime, "half_frame", "error");
  EXPECT_EQ(code("half_frame"), "timeout");
  // A host that reads nothing, while more jobs are sent to it than its socket holds.
  insert("freeze", "test.vices", R"({"do":"freeze"})");
  insert_many(100, "test.vices", R"({"do":"ok","text":")" + std::string(50'000, 'p') + R"("})");
  EXPECT_TRUE(others_work());
  EXPECT_TRUE(becomes("freeze", "error")) << runtime.err();
  EXPECT_EQ(code("freeze"), "timeout");
  EXPECT_TRUE(eventually([&] { return count("id LIKE 'job-%' AND status = 'done'") == "100"; }))
      << runtime.err();
}

TEST_F(Vice, AForgedOutputIsNotKept) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "forged_output", "done");
  EXPECT_EQ(count("id = 'forged_output' AND attempts = 1"), "1");
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.output WHERE job_id = 'forged_output'"), "0");
}

TEST_F(Vice, LogLinesCannotForgeOthers) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "forged_log", "done");
  const std::string log = runtime.err();
  EXPECT_THAT(log, HasSubstr(R"("message":"list","plugin":"vices","list":[1, {"message":"forged"} ])"));
  EXPECT_THAT(log, HasSubstr(R"(\n{\"level\":\"error\",\"message\":\"forged\"}","plugin_":"probe")"))
      << "no second field may hide the plugin's name";
  EXPECT_THAT(log, HasSubstr(R"("message_":"forged","plugin_":"probe")"));
  EXPECT_THAT(log, Not(HasSubstr("\n{\"message\":\"forged\"}")));
  EXPECT_THAT(log, Not(HasSubstr("\n{\"level\"")));
}

class Flood : public Vice, public testing::WithParamInterface<const char*> {};

TEST_P(Flood, OfLogLinesIsDroppedAndCounted) {
  const std::string vice = GetParam();
  const std::string limited =
      scratch.write("limited.toml", scratch.read("impatient.toml") + "[plugin.vices]\nlog_limit = 100\n");
  Program runtime({"run", "--config", limited}, surroundings());
  indulge(runtime, vice, "error");
  EXPECT_TRUE(runtime.says("dropped log lines of a plugin host")) << runtime.err().size();
  EXPECT_THAT(runtime.err(), HasSubstr(R"("log_limit":100)"));
  insert("says", "test.probe", probe("log", R"(,"message":"of another plugin")"));
  EXPECT_TRUE(runtime.says("of another plugin"));
  EXPECT_LT(runtime.err().size(), 2'000'000U) << "100,000 lines were written";
  EXPECT_EQ(code(vice), "flooded") << "the handler itself ended";
}

INSTANTIATE_TEST_SUITE_P(By, Flood, testing::Values("flood_log", "flood_print", "flood_socket"),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(Vice, AFailedAttemptKeepsItsLastLinesDuringAFlood) {
  Program runtime({"run", "--config", impatient}, surroundings());
  indulge(runtime, "flood_log", "error", R"(,"lines":5000)");
  const std::string tail = database.value("SELECT log_tail FROM sluice.attempt WHERE job_id = 'flood_log'");
  EXPECT_THAT(tail, testing::EndsWith("info: a flood of log lines\nerror: the flood is over\n"));
}

TEST_F(Vice, NoPluginCanReadTheRuntimesProcess) {
  const std::string file = directory.path() + "/vices.so";
  std::vector<std::string> words{"plugin", "run", file, "test.vices", R"({"do":"look_at_parent"})", "--json"};
  std::string executable;
  if (geteuid() == 0) {  // root may read everything
    chmod(directory.path().c_str(), 0755);
    words.insert(words.begin(), {"--reuid=65534", "--regid=65534", "--clear-groups", Program::path()});
    executable = "setpriv";
  }
  Program program(words, {{"DATABASE_URL", "postgresql://secret@localhost/none"}}, "", executable);
  ASSERT_EQ(program.wait(), 0) << program.err() << program.out();
  EXPECT_THAT(program.out(), HasSubstr(R"("environ":"Permission denied")"));
  EXPECT_THAT(program.out(), HasSubstr(R"("mem":"Permission denied")"));
}

TEST_F(Vice, TextOfPluginsIsHarmlessToATerminal) {
  const std::string file = directory.path() + "/vices.so";
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"plugin", "list", "--plugins", directory.path()},
                                             {"plugin", "inspect", file},
                                             {"plugin", "docs", directory.path()},
                                             {"plugin", "check", file}}) {
    const Ended ended = run(words);
    EXPECT_EQ((ended.out + ended.err).find_first_of("\x1b\x07"), std::string::npos) << words[1] << ended.out;
    EXPECT_THAT(ended.out, Not(HasSubstr("\u202e"))) << words[1];
    EXPECT_THAT(ended.out, Not(HasSubstr("\nfake"))) << words[1];
  }
  EXPECT_THAT(run({"plugin", "inspect", file, "--json"}).out, HasSubstr("\\u001B[2J\\nfake"))
      << "the JSON must have the exact text";
}

TEST_F(Vice, TextOfHandlersIsHarmlessToATerminal) {
  std::filesystem::copy_file(std::string(SLUICE_TEST_PLUGINS) + "/bad/rude_init.so",
                             directory.path() + "/rude_init.so");
  const std::string human =
      scratch.write("human.toml", scratch.read("impatient.toml") + "[log]\nformat = \"human\"\n");
  Program runtime({"run", "--config", human}, surroundings());
  indulge(runtime, "rude_words", "error");
  insert("rude_note", "test.vices", R"({"do":"rude_note"})");
  const auto expect_harmless = [](const std::string& text, const std::string& what) {
    EXPECT_EQ(text.find_first_of("\x1b\x07\xff"), std::string::npos) << what << text;
    EXPECT_THAT(text, Not(HasSubstr("\u202e"))) << what;
    EXPECT_THAT(text, Not(HasSubstr("\nfake"))) << what;
  };
  ASSERT_TRUE(eventually([&] { return sluice({"status"}).out.find("note") != std::string::npos; }));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"status"},
                                             {"jobs", "list", "--status", "error"},
                                             {"jobs", "show", "rude_words"},
                                             {"jobs", "show", "rude_note"}}) {
    const Ended ended = sluice(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    expect_harmless(ended.out + ended.err, words.back());
  }
  EXPECT_THAT(sluice({"status"}).out, HasSubstr("reason \\x1b[2J")) << "why a plugin is refused";
  EXPECT_THAT(sluice({"jobs", "show", "rude_words"}).out, HasSubstr("error \\x1b[2J"));
  for (const char* words : {"log \\x1b[2J", "print \\x1b[2J", "reason \\x1b[2J"})
    EXPECT_TRUE(runtime.says(words)) << words;
  expect_harmless(runtime.err(), "the log");
}

TEST_F(Vice, TextOfRowsIsHarmlessToATerminal) {
  insert("red\x1b[31m\nid", "no\x1b[32m.such\ntype", R"({"a":"\u202e"})");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"jobs", "list"}, {"jobs", "show", "red\x1b[31m\nid"}, {"status"}}) {
    const Ended ended = sluice(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(ended.out.find('\x1b'), std::string::npos) << words[1] << ended.out;
    EXPECT_THAT(ended.out, Not(HasSubstr("\u202e")));
    EXPECT_THAT(ended.out, Not(HasSubstr("\nid"))) << ended.out;
    EXPECT_THAT(ended.out, Not(HasSubstr(".such\n"))) << ended.out;
  }
}

TEST_F(Vice, MembersThatNothingReadsAreLoggedOrAnError) {
  const std::string told =
      scratch.write("told.toml", scratch.read("sluice.toml") + "[plugin.vices.config]\nunknown = 1\n");
  insert("a", "test.vices", R"({"do":"ok","headers":{},"nothing":null,"file":null})");
  const Ended lenient = run({"drain", "--config", told}, surroundings());
  EXPECT_EQ(lenient.code, 0) << lenient.err;
  EXPECT_EQ(status("a"), "done");
  EXPECT_THAT(lenient.err, HasSubstr(R"("message":"the payload has members that nothing reads")"));
  EXPECT_THAT(lenient.err, HasSubstr(R"("ignored":"headers")"));
  EXPECT_THAT(lenient.err, HasSubstr(R"("ignored":"unknown")"));

  const std::string strict_type =
      scratch.write("type.toml", scratch.read("sluice.toml") + "[type.\"test.vices\"]\nstrict = true\n");
  insert("b", "test.vices", R"({"do":"ok","headers":{}})");
  insert("c", "test.vices", R"({"do":"ok","nothing":null})");
  EXPECT_EQ(run({"drain", "--config", strict_type}, surroundings()).code, 0);
  EXPECT_EQ(status("b"), "error");
  EXPECT_THAT(error("b"), HasSubstr(R"(the payload has members that nothing reads: "headers")"));
  EXPECT_EQ(status("c"), "done") << "null counts as absent";

  const std::string strict =
      scratch.write("strict.toml", scratch.read("sluice.toml") +
                                       "[plugin.vices]\nstrict = true\n[plugin.vices.config]\nunknown = 1\n");
  EXPECT_THAT(run({"drain", "--config", strict}, surroundings()).err,
              HasSubstr("found members of the configuration that nothing reads"));
}

}  // namespace
}  // namespace sluice::test
