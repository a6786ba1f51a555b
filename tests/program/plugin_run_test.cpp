// sluice plugin run: one job through a plugin without a database; output and exit codes.
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <signal.h>

#include "support/program.hpp"
#include "support/wait.hpp"

namespace sluice::test {
namespace {

/// Runs the probe plugin with a payload and more options.
struct PluginRun : testing::Test {
  PluginDirectory plugins{{"good/probe"}};

  std::vector<std::string> words(const std::string& payload, const std::vector<std::string>& more = {},
                                 const std::string& type = "test.probe") const {
    std::vector<std::string> all{"plugin", "run", plugins.path() + "/probe.so", type, payload};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Ended perform(const std::string& payload, const std::vector<std::string>& more = {}) const {
    return run(words(payload, more));
  }
};

void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "missing '" << part << "' in:\n" << text;
}

TEST_F(PluginRun, ThatIsDoneExitsWith0) {
  const Ended ended = perform(R"({"do": "output", "value": {"pages": 3}})");
  EXPECT_EQ(ended.code, 0) << ended.err;
  expect_parts(ended.out, {"outcome    done\n", "output     {\"pages\":3}\n", "next       done\n", "time "});
}

TEST_F(PluginRun, ShowsAFailureAndTheRuntimesNextStep) {
  const Ended retry =
      perform(R"({"do": "retry", "message": "no luck", "after_ms": 90000})", {"--attempt", "2"});
  EXPECT_EQ(retry.code, 1);
  expect_parts(retry.out, {"outcome    retry\n", "code       told-to-retry\n", "error      no luck\n",
                           "delay      1 min 30 s\n", "retried in 1 min 30 s, as the handler requested",
                           "attempt 2 of 3"});
  expect_parts(perform(R"({"do": "retry"})", {"--attempt", "3"}).out,
               {"error for good", "attempt 3 of 3, the last"});
  expect_parts(perform(R"({"do": "retry"})").out, {"retried in 10 s ± 20 %, the type's backoff"});
  expect_parts(perform(R"({"do": "fail"})").out, {"error for good: only `sluice jobs retry`"});
  expect_parts(perform(R"({"do": "snooze"})").out, {"scheduled, run again in 50 ms", "not counted"});
  expect_parts(perform(R"({"do": "odd_result"})").out, {"code       bad-result\n", "returned 77"});
}

TEST_F(PluginRun, ShowsLogLinesProgressFollowUpsAndEffects) {
  const Ended logged = perform(R"({"do": "log", "message": "hello"})");
  expect_parts(logged.err, {"\"message\":\"hello\"", "\"number\":12.5", "nothing is wrong"});
  EXPECT_EQ(logged.err.find("for people who look closely"), std::string::npos)
      << "debug lines are not logged by default";
  expect_parts(perform(R"({"do": "progress", "step_ms": 0})").err, {"\"percent\":50", "step 2"});
  expect_parts(perform(R"({"do": "print", "message": "loud"})").err, {"loud on stdout", "loud on stderr"});
  expect_parts(perform(R"({"do": "enqueue", "after_ms": 5000, "unique": "k"})").out,
               {"follow-up  test.probe {}, in 5 s, unique as 'k'",
                "done, with 1 follow-up job in the same transaction"});
  expect_parts(
      perform(R"({"do": "effect", "sql": "INSERT it"})").out,
      {"effect     INSERT it", "$1 = \"plugin-run-1\", $2 = \"42\", $3 = NULL", "this plugin has no role"});
}

TEST_F(PluginRun, ChecksThePayloadBeforeTheHandlerIsCalled) {
  const Ended ended = run(words(R"({"to": "nobody"})", {}, "test.strict"));
  EXPECT_EQ(ended.code, 1);
  expect_parts(ended.out, {"code       bad-payload\n",
                           "expected a string that matches ^[^@ ]+@[^@ ]+$, found \"nobody\""});
}

TEST_F(PluginRun, RepeatsAndMeasures) {
  const Ended ended = perform(R"({"do": "ok"})", {"--repeat", "50"});
  EXPECT_EQ(ended.code, 0);
  expect_parts(ended.out, {" on average, ", " over 50 jobs\n", "50 done; the last one is shown"});
}

TEST_F(PluginRun, ReportsACrashOfTheHandler) {
  const Ended ended = perform(R"({"do": "abort"})", {"--repeat", "5"});
  EXPECT_EQ(ended.code, 1);
  expect_parts(ended.out, {"outcome    crashed\n", "killed by signal 6 (Aborted) while this job ran",
                           "debugger   gdb --args sluice plugin run " + plugins.path() +
                               "/probe.so test.probe '{\"do\": \"abort\"}' --in-process\n"});
  EXPECT_EQ(perform("{}").out.find("debugger"), std::string::npos);
}

TEST_F(PluginRun, AsksTheHandlerToStop) {
  const Ended stopped = perform(R"({"do": "wait_cancel"})", {"--cancel-after", "20ms"});
  EXPECT_EQ(stopped.code, 1);
  expect_parts(stopped.out, {"outcome    cancelled\n", "pending again at once"});
}

TEST_F(PluginRun, KillsAHandlerThatDoesNotStop) {
  const std::string config = plugins.scratch().write("quick.toml", "[runtime]\ncancel_grace = \"100ms\"\n");
  const Ended killed = perform(R"({"do": "hang"})", {"--cancel-after", "20ms", "--config", config});
  EXPECT_EQ(killed.code, 1);
  expect_parts(killed.out, {"outcome    crashed\n", "did not stop within 100 ms after it was asked"});
}

TEST_F(PluginRun, CtrlCAsksTheHandlerToStop) {
  const std::string started = plugins.scratch().path("started");
  Program program(words(R"({"do": "wait_cancel", "file": ")" + started + "\"}"));
  ASSERT_TRUE(eventually([&] { return !plugins.scratch().read("started").empty(); })) << program.err();
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 1);
  expect_parts(program.out(), {"outcome    cancelled\n"});
  expect_parts(program.err(), {"asked the handler to stop"});
}

TEST_F(PluginRun, InProcessGivesTheSameResult) {
  const std::vector<std::string> here{"--in-process"};
  EXPECT_EQ(perform("{}", here).code, 0);
  expect_parts(perform(R"({"do": "retry", "message": "no luck"})", here).out, {"error      no luck\n"});
  EXPECT_EQ(perform(R"({"do": "kill", "signal": 9})", here).code, -SIGKILL)
      << "no separate host process exists";

  const std::string started = plugins.scratch().path("started");
  Program program(words(R"({"do": "hang", "file": ")" + started + "\"}", here));
  ASSERT_TRUE(eventually([&] { return !plugins.scratch().read("started").empty(); })) << program.err();
  program.signal(SIGINT);
  ASSERT_TRUE(program.says("asked the handler to stop"));
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 1);
}

TEST_F(PluginRun, AsJsonHasEverything) {
  const Ended ended = perform(R"({"do": "log", "message": "hello"})", {"--json"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.err, "");
  rapidjson::Document document;
  ASSERT_FALSE(document.Parse(ended.out.c_str()).HasParseError()) << ended.out;
  EXPECT_STREQ(document["outcome"].GetString(), "done");
  EXPECT_STREQ(document["next"]["status"].GetString(), "done");
  ASSERT_EQ(document["log"].Size(), 2U);
  EXPECT_STREQ(document["log"][0]["message"].GetString(), "hello");
  EXPECT_EQ(document["log"][0]["fields"]["number"].GetDouble(), 12.5);
  EXPECT_GE(document["time_seconds"]["max"].GetDouble(), 0);
}

TEST_F(PluginRun, ReadsThePayloadFromAFileOrStandardInput) {
  const std::string file =
      plugins.scratch().write("payload.json", R"({"do": "fail", "message": "from a file"})");
  expect_parts(perform("@" + file).out, {"error      from a file\n"});
  expect_parts(run(words("-"), {}, R"({"do": "fail", "message": "from stdin"})").out,
               {"error      from stdin\n"});
}

TEST_F(PluginRun, UsesTheConfigurationOfThePlugin) {
  const PluginDirectory bad({"bad/failing_init"});
  const Ended ended = run({"plugin", "run", bad.path() + "/failing_init.so", "broken.failing-init", "{}"});
  EXPECT_EQ(ended.code, 1);
  expect_parts(ended.err,
               {"refused: ", "failing_init.so: found that init returned 3",
                "The plugin was started without a configuration. Add [plugin.failing-init.config]"});
  const std::string own = plugins.scratch().write("own.toml", "[plugin.failing-init.config]\nx = 1\n");
  const Ended configured =
      run({"plugin", "run", bad.path() + "/failing_init.so", "broken.failing-init", "{}", "--config", own});
  expect_parts(configured.err, {"found that init returned 3"});
  EXPECT_EQ(configured.err.find("without a configuration"), std::string::npos) << configured.err;
  const std::string config =
      plugins.scratch().write("limits.toml", "[type.\"test.probe\"]\nmax_attempts = 7\n");
  expect_parts(perform(R"({"do": "retry"})", {"--config", config}).out, {"attempt 1 of 7"});
}

TEST_F(PluginRun, InvalidArgumentsExitWith2) {
  const Ended type = run(words("{}", {}, "test.prob"));
  EXPECT_EQ(type.code, 2);
  expect_parts(type.err, {"does not handle 'test.prob'; it handles test.probe, test.other"});
  EXPECT_EQ(perform("{no json").code, 2);
  EXPECT_EQ(perform("{}", {"--cancel-after", "soon"}).code, 2);
  EXPECT_EQ(perform("{}", {"--attempt", "0"}).code, 2);
  EXPECT_EQ(run({"plugin", "run"}).code, 2);
  EXPECT_EQ(run(words("{}", {"--in-process"}, "test.prob")).code, 2);
}

TEST(PluginRunFile, ThatIsMissingIsRefused) {
  const Ended ended = run({"plugin", "run", "/nowhere/at/all.so", "a.type", "{}"});
  EXPECT_EQ(ended.code, 1);
  expect_parts(ended.err, {"refused: /nowhere/at/all.so: found no file"});
}

}  // namespace
}  // namespace sluice::test
