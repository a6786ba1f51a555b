// sluice plugin check: for each finding there is a plugin that causes it, and good plugins pass.
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include "support/program.hpp"

namespace sluice::test {
namespace {

/// True for plugins that would hang or run for ever, for which the test sets a short limit.
bool is_endless(const std::string& plugin) {
  return plugin.find("hang") != std::string::npos || plugin.find("cancel") != std::string::npos;
}

bool is_leaky(const std::string& plugin) {
  return plugin.find("leaks") != std::string::npos;
}

/// A configuration with long time limits for good plugins, and short ones for plugins that do not end.
std::string config_for(const std::string& plugin, const Scratch& scratch) {
  const bool hangs =
      plugin == "bad/hang_static" || plugin == "bad/hang_shutdown" || plugin == "bad/hang_init";
  const char* start_timeout = hangs ? "3s" : plugin == "bad/slow_to_load" ? "2s" : "30s";
  const char* cancel_grace = plugin == "bad/honours_cancel" ? "30s" : "300ms";
  return scratch.write("config.toml", std::string("[plugins]\nstart_timeout = \"") + start_timeout +
                                          "\"\n[runtime]\ncancel_grace = \"" + cancel_grace + "\"\n");
}

Ended check(const std::string& plugin, const std::vector<std::string>& more = {},
            const std::map<std::string, std::string>& environment = {}) {
  const PluginDirectory plugins({plugin});
  const std::string file = plugins.path() + "/" + plugin.substr(plugin.find('/') + 1) + ".so";
  std::vector<std::string> words{"plugin",
                                 "check",
                                 file,
                                 "--config",
                                 config_for(plugin, plugins.scratch()),
                                 "--limit",
                                 is_endless(plugin) ? "400ms" : "30s",
                                 "--jobs",
                                 is_leaky(plugin) ? "500" : "60"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words, environment);
}

/// The line of a failed check, and the line with its remedy.
std::string failure(const std::string& out, const std::string& check) {
  const std::size_t at = out.find("  failed  " + check);
  if (at == std::string::npos) return "";
  return out.substr(at, out.find('\n', out.find('\n', at) + 1) - at);
}

struct Odd {
  const char* plugin;
  const char* check;
  const char* found;
  const char* remedy;
  bool handlers = false;
};
std::ostream& operator<<(std::ostream& out, const Odd& odd) {
  return out << odd.plugin;
}

class OddPlugin : public testing::TestWithParam<Odd> {};

TEST_P(OddPlugin, IsReportedWithARemedy) {
  const Odd& odd = GetParam();
  const Ended ended =
      check(std::string("bad/") + odd.plugin,
            odd.handlers ? std::vector<std::string>{"--run-handlers"} : std::vector<std::string>());
  if (ended.out.find("not measured with a sanitizer") != std::string::npos &&
      std::string(odd.check).starts_with("leaks"))
    GTEST_SKIP() << "memory is not measured in a build with sanitizers";
  EXPECT_EQ(ended.code, 1) << ended.out << ended.err;
  const std::string lines = failure(ended.out, odd.check);
  EXPECT_NE(lines.find(odd.found), std::string::npos) << ended.out;
  EXPECT_NE(lines.find(std::string("→ ") + odd.remedy), std::string::npos) << ended.out;
}

INSTANTIATE_TEST_SUITE_P(
    Of, OddPlugin,
    testing::Values(
        Odd{"no_note", "file", "without Sluice's ABI note", "if it is a plugin"},
        Odd{"other_major", "file", "a plugin of Sluice's ABI 2.0", "rebuild it"},
        Odd{"extra_symbol", "exports", "1 symbol besides sluice_plugin_v1: sluice_test_extra",
            "build it with"},
        Odd{"visible", "visibility", "C++ symbols: _ZN11sluice_test7visible",
            "compile with -fvisibility=hidden"},
        Odd{"static_tls", "static tls", "DF_STATIC_TLS", "compile it"},
        Odd{"run_path", "run path", "looks for libraries in /opt/elsewhere/lib", "link it without -rpath"},
        Odd{"borrows", "symbols", "only this program happens to have: PQlibVersion", "link the library"},
        Odd{"missing_library", "load", "libsluice_test_missing.so", "link what is missing"},
        Odd{"no_descriptor", "load", "no exported symbol sluice_plugin_v1", "declare it with"},
        Odd{"hang_static", "load", "did not load within 3 s", "run it under a debugger"},
        Odd{"crash_static", "load", "killed by signal 11", "run it under a debugger"},
        Odd{"slow_to_load", "load", "more than half of start_timeout (2 s)",
            "do less in static initialisers"},
        Odd{"bad_schema", "load", "the payload schema of 'broken.bad-schema'", "correct the schema"},
        Odd{"bad_example", "schema odd.bad-example", "\"/n\": expected a whole number, found nothing",
            "correct the example"},
        Odd{"bad_config_schema", "load", "the schema of its configuration can't be used",
            "correct the schema"},
        Odd{"silent_init", "start", "init returned 3, expected 0, without a reason",
            "report the reason with"},
        Odd{"crash_init", "start", "killed by signal 11 (Segmentation fault) in its init", "run it under"},
        Odd{"hang_init", "start", "did not start within 3 s", "run it under a debugger"},
        Odd{"crash_shutdown", "start", "while it was being shut down", "run it under a debugger"},
        Odd{"hang_shutdown", "start", "did not stop within 3 s", "run it under a debugger"},
        Odd{"crash_config", "bad config", "with the configuration {\"sluice-check\":1}",
            "check the configuration in init"},
        Odd{"crash_job", "example odd.crash-job", "while it ran the example", "try it in a debugger: gdb",
            true},
        Odd{"not_reentrant", "slots odd.not-reentrant", "while it ran 8 at once",
            "protect data that the slots share", true},
        Odd{"ignores_cancel", "cancellation odd.ignores-cancel", "did not return within 300 ms",
            "check job.is_can", true},
        Odd{"crash_payload", "fuzz odd.crash-payload", "of seed 1", "try it in a debugger: gdb", true},
        Odd{"hang_payload", "fuzz odd.hang-payload", "nor when it was asked to stop, on payload",
            "check job.is_can", true},
        Odd{"leaks_memory", "leaks odd.leaks-memory", "KiB over 500 jobs, in every quarter",
            "find it with valgrind", true},
        Odd{"leaks_files", "leaks odd.leaks-files", "more open files over", "close files on every path out",
            true},
        Odd{"leaks_threads", "leaks odd.leaks-threads", "more threads over",
            "join the threads that the handler starts", true},
        Odd{"odd_result", "results", "returned 77", "return SLUICE_DONE", true}),
    [](const auto& test) { return std::string(test.param.plugin); });

TEST(PluginCheck, DetectsAFailingSecondStart) {
  const Scratch scratch;
  const Ended ended = check("bad/leaves_a_lock", {}, {{"TEST_LOCK", scratch.path("lock")}});
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_NE(failure(ended.out, "start again").find("the lock file is there already"), std::string::npos)
      << ended.out;
}

TEST(PluginCheck, DoesNotFailAPluginThatNeedsAConfiguration) {
  const Ended ended = check("bad/failing_init");
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("skipped start "), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("[plugin.failing-init.config]"), std::string::npos) << ended.out;
}

TEST(PluginCheck, PassesSoundPlugins) {
  for (const char* plugin : {"good/probe", "good/noop", "good/c_plugin"}) {
    const Ended ended = check(plugin, {"--run-handlers"});
    EXPECT_EQ(ended.code, 0) << plugin << "\n" << ended.out << ended.err;
    EXPECT_NE(ended.out.find(" 0 failed"), std::string::npos) << ended.out;
  }
}

TEST(PluginCheck, CallsNoHandlerByDefault) {
  const Ended ended = check("bad/crash_job");
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("only with --run-handlers"), std::string::npos) << ended.out;
}

TEST(PluginCheck, PassesAHandlerThatStops) {
  const Ended ended = check("bad/honours_cancel", {"--run-handlers"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("passed  cancellation odd.honours-cancel"), std::string::npos) << ended.out;
}

TEST(PluginCheck, SkipsChecksThatDoNotApply) {
  const Ended ended = check("bad/one_at_a_time", {"--run-handlers"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("its concurrency is 1"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("its example ends by itself"), std::string::npos) << ended.out;
}

TEST(PluginCheck, SkipsTheRestOfAFileThatCannotBeUsed) {
  const Scratch scratch;
  const Ended ended = run({"plugin", "check", scratch.write("text.so", "#!/bin/sh\n")});
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(failure(ended.out, "file").find("not an ELF file"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("1 failed"), std::string::npos) << ended.out;
}

TEST(PluginCheck, IsReproducibleWithTheSameSeed) {
  const std::vector<std::string> words{"--run-handlers", "--seed", "7"};
  const std::string first = failure(check("bad/crash_payload", words).out, "fuzz");
  const std::string again = failure(check("bad/crash_payload", words).out, "fuzz");
  EXPECT_NE(first.find("of seed 7"), std::string::npos) << first;
  EXPECT_EQ(first.substr(0, first.find("→")), again.substr(0, again.find("→")));
}

TEST(PluginCheck, RunsOnlyTheHandlersOfOneType) {
  const Ended ended = check("good/probe", {"--run-handlers", "--type", "test.strict"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("fuzz test.strict"), std::string::npos) << ended.out;
  EXPECT_EQ(ended.out.find("fuzz test.probe"), std::string::npos) << ended.out;
  EXPECT_EQ(check("good/probe", {"--run-handlers", "--type", "test.stric"}).code, 1);
}

/// The names of the reported checks, each followed by a semicolon.
std::string told(const std::string& out) {
  static const std::vector<std::string> checks{
      "file",    "exports", "visibility",    "static tls", "run path",    "symbols",
      "load",    "schema",  "config schema", "start",      "start again", "bad config",
      "example", "slots",   "cancellation",  "fuzz",       "leaks",       "results"};
  std::string names;
  for (const std::string& name : checks) {
    for (const char* verdict : {"passed  ", "failed  ", "skipped ", "waived  "}) {
      if (out.find("  " + std::string(verdict) + name + " ") != std::string::npos) names += name + ";";
    }
  }
  return names;
}

TEST(PluginCheck, RunsOnlyTheChosenChecks) {
  const Ended one = check("bad/extra_symbol", {"--only", "visibility", "--only", "run-path"});
  EXPECT_EQ(one.code, 0) << one.out;
  EXPECT_EQ(told(one.out), "visibility;run path;");
  const Ended handlers = check("good/probe", {"--run-handlers", "--only", "fuzz:test.strict"});
  EXPECT_EQ(handlers.code, 0) << handlers.out;
  EXPECT_EQ(told(handlers.out), "fuzz;");
  EXPECT_EQ(handlers.out.find("test.probe"), std::string::npos) << handlers.out;
  const Ended start = check("bad/crash_init", {"--only", "start"});
  EXPECT_EQ(start.code, 1) << start.out;
  EXPECT_EQ(told(start.out), "start;");
}

TEST(PluginCheck, SkipsTheChosenChecks) {
  const Ended ended = check("bad/extra_symbol", {"--skip", "exports", "--skip", "bad config"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  const std::string names = told(ended.out);
  EXPECT_EQ(names.find("exports"), std::string::npos) << names;
  EXPECT_EQ(names.find("bad config"), std::string::npos) << names;
  EXPECT_NE(names.find("start again"), std::string::npos) << names;
}

TEST(PluginCheck, ReportsAFailureOfARequiredCheck) {
  const Ended ended = check("bad/hang_static", {"--only", "bad config"});
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_EQ(told(ended.out), "load;bad config;");
}

TEST(PluginCheck, ChecksResultsWithTheExampleIfOnlyResultsAreChosen) {
  const Ended ended = check("bad/odd_result", {"--run-handlers", "--only", "results"});
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_EQ(told(ended.out), "results;");
}

TEST(PluginCheck, WaivesWithAReasonAndReportsUselessWaivers) {
  const Ended ended = check("bad/extra_symbol", {"--waive", "exports=the vendor's linker", "--waive",
                                                 "visibility=not needed", "--waive", "fuzz:no.such=gone"});
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("  waived  exports "), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("→ waived: the vendor's linker"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find(" 0 failed"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find(" 1 waived"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("the waiver of 'visibility' is not needed: it passed"), std::string::npos)
      << ended.out;
  EXPECT_NE(ended.out.find("the waiver of 'fuzz no.such' is not needed: no such check"), std::string::npos)
      << ended.out;
  const Ended json = check("bad/extra_symbol", {"--json", "--waive", "exports=the vendor's linker"});
  EXPECT_EQ(json.code, 0);
  rapidjson::Document document;
  ASSERT_FALSE(document.Parse(json.out.c_str()).HasParseError()) << json.out;
  EXPECT_STREQ(document["checks"][1]["verdict"].GetString(), "waived");
  EXPECT_STREQ(document["checks"][1]["reason"].GetString(), "the vendor's linker");
}

TEST(PluginCheck, RefusesUnknownNamesBeforeAnythingRuns) {
  for (const std::string option : {"--only", "--skip", "--waive"}) {
    const Ended ended = run({"plugin", "check", "no-such.so", option, "leak"});
    EXPECT_EQ(ended.code, 2) << option;
    EXPECT_NE(ended.err.find("did you mean 'leaks'?"), std::string::npos) << ended.err;
    EXPECT_EQ(ended.out, "");
  }
  EXPECT_EQ(run({"plugin", "check", "no-such.so", "--waive", "leaks"}).code, 2);
}

TEST(PluginCheck, AsJsonNamesCheckVerdictAndRemedy) {
  const Ended ended = check("bad/extra_symbol", {"--json"});
  EXPECT_EQ(ended.code, 1);
  rapidjson::Document document;
  ASSERT_FALSE(document.Parse(ended.out.c_str()).HasParseError()) << ended.out;
  EXPECT_FALSE(document["passed"].GetBool());
  int failures = 0;
  for (const auto& check : document["checks"].GetArray()) {
    const std::string verdict = check["verdict"].GetString();
    if (verdict != "failed") continue;
    ++failures;
    EXPECT_STREQ(check["check"].GetString(), "exports");
    EXPECT_TRUE(check.HasMember("remedy"));
  }
  EXPECT_EQ(failures, 1);
}

}  // namespace
}  // namespace sluice::test
