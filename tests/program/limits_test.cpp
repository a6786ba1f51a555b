// Limits of plugin hosts: one that exceeds a limit is killed or told so by the kernel, with the figures, and
// other plugins' jobs end as if nothing had happened. And hosts that others relieve.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class Limits : public Outbox {
 protected:
  /// A runtime whose plugin `vices` has these limits, beside the probe. It watches them, wherever it runs.
  Program& start(const std::string& limits, const std::string& more = "") {
    config = scratch.write("limits.toml", scratch.read("sluice.toml") +
                                              "[plugins]\ncontrol_groups = \"off\"\n"
                                              "[type.\"test.vices\"]\nmax_attempts = 2\n" +
                                              more + "[plugin.vices.limits]\n" + limits);
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory_.path();
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, all);
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  void insert_vice(const std::string& id, const std::string& vice) {
    insert(id, "test.vices", R"({"do":")" + vice + R"(","file":")" + scratch.path(id) + R"("})");
  }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }
  std::string output(const std::string& id) {
    return database.value("SELECT output FROM sluice.output WHERE job_id = $1", {id});
  }

  PluginDirectory directory_{{"good/probe", "bad/vices"}};

 private:
  std::unique_ptr<Program> program_;
};

TEST_F(Limits, AreShownByListInspectAndStatus) {
  Program& program = start("memory = \"512MB\"\nrecycle_age = \"1d\"\n");
  const std::string words = "memory 512MB, recycle_age 1d";
  auto all = environment();
  all["SLUICE_PLUGIN_DIR"] = directory_.path();
  EXPECT_THAT(run({"plugin", "list"}, all).out, HasSubstr("limits of each host:\n  vices: " + words + "\n"));
  EXPECT_THAT(run({"plugin", "inspect", directory_.path() + "/vices.so"}, all).out,
              HasSubstr("limits of a host  " + words + "\n"));
  const std::string json = run({"plugin", "list", "--json"}, all).out;
  EXPECT_THAT(json, HasSubstr("\"memory 512MB\",\n"));
  EXPECT_THAT(json, HasSubstr("\"limits\": []")) << "the probe has none";
  EXPECT_TRUE(eventually([&] {
    return run({"status"}, all)
               .out.find("limits of each host of vices: memory 512MB (watched), recycle_age 1d") !=
           std::string::npos;
  })) << program.err();
  EXPECT_THAT(run({"status", "--json"}, all).out, HasSubstr("\"recycle_age 1d\""));
}

TEST_F(Limits, AHostThatTakesTooMuchMemoryIsKilledAndItsJobIsCharged) {
  insert_many(200, "test.probe", probe("sleep", ",\"ms\":20"));
  insert_vice("eats", "eat");
  Program& program = start("memory = \"128MB\"\n");
  EXPECT_TRUE(eventually([&] { return status("eats") == "error" && attempts("eats") == "2"; }))
      << program.err();
  EXPECT_EQ(code("eats"), "memory");
  EXPECT_THAT(error("eats"), MatchesRegex("the plugin host was killed because it took [0-9.]+ MB, and its "
                                          "limit is 128.0 MB \\(memory\\) while only this job ran in it"));
  EXPECT_TRUE(program.says("was killed because it took"));
  EXPECT_TRUE(eventually([&] { return count("status = 'done' AND attempts = 1") == "200"; }));
  insert_vice("later", "ok");
  EXPECT_TRUE(becomes("later", "done"));
}

TEST_F(Limits, OfSeveralJobsOnlyTheOneThatTakesTooMuchIsCharged) {
  insert_vice("waits", "wait");
  Program& program = start("memory = \"128MB\"\n");
  ASSERT_TRUE(lines_in("waits", 1));
  insert_vice("eats", "eat");
  ASSERT_TRUE(program.says("runs alone in another one")) << program.err();
  scratch.write("waits.go", "");
  EXPECT_TRUE(becomes("waits", "done")) << program.err();
  EXPECT_EQ(attempts("waits"), "1");
  EXPECT_TRUE(eventually([&] { return status("eats") == "error" && attempts("eats") == "2"; }))
      << program.err();
  EXPECT_EQ(code("eats"), "memory");
  EXPECT_THAT(error("eats"), HasSubstr("(memory) while only this job ran in it"));
  EXPECT_EQ(database.value("SELECT count(*) FROM sluice.attempt WHERE job_id = 'waits'"), "0");
}

TEST_F(Limits, TheMemoryOfAnOrphanCountsToo) {
  insert_vice("eats", "eat_in_an_orphan");
  Program& program = start("memory = \"128MB\"\n");
  EXPECT_TRUE(becomes("eats", "error")) << program.err();
  EXPECT_EQ(code("eats"), "memory");
}

TEST_F(Limits, AnAllocationThatIsFarTooLargeFailsAtOnce) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have allocators of their own";
#endif
  insert_vice("allocates", "allocate_too_much");
  Program& program = start("memory = \"128MB\"\n");
  EXPECT_TRUE(becomes("allocates", "error")) << program.err();
  EXPECT_THAT(error("allocates"), HasSubstr("ran out of memory; the plugin's limit is 128MB (memory)"));
  EXPECT_EQ(program.err().find("plugin host died"), std::string::npos);
}

TEST_F(Limits, AHostWithTooManyThreadsIsKilled) {
  insert_vice("starts", "start_threads");
  Program& program = start("tasks = 20\n");
  EXPECT_TRUE(becomes("starts", "error")) << program.err();
  EXPECT_EQ(code("starts"), "tasks");
  EXPECT_THAT(error("starts"), HasSubstr(" processes and threads, and its limit is 20 (tasks)"));
}

TEST_F(Limits, TheKernelsLimitsFailCallsAndTheErrorNamesThem) {
  insert_vice("fills", "fill_file");
  insert_vice("opens", "open_files");
  insert_vice("shows", "show_limits");
  Program& program =
      start("open_files = 64\nfile_size = \"100kB\"\ncore = \"0\"\nnice = 12\ncpus = 1\nio_priority = 6\n");
  EXPECT_TRUE(becomes("fills", "error")) << program.err();
  EXPECT_EQ(error("fills"), "can't write: File too large; the plugin's limit is 100kB (file_size)");
  EXPECT_EQ(scratch.read("fills").size(), 100'000U);
  EXPECT_TRUE(becomes("opens", "error")) << program.err();
  EXPECT_EQ(error("opens"), "can't open: Too many open files; the plugin's limit is 64 (open_files)");
  EXPECT_TRUE(becomes("shows", "done"));
  const std::string session = access("/proc/self/autogroup", F_OK) == 0 ? "12" : "null";
  EXPECT_EQ(output("shows"), R"({"core": 0, "cpus": 1, "nice": 12, "files": 64, "session": )" + session +
                                 R"(, "io_priority": 6})");
  EXPECT_EQ(program.err().find("plugin host died"), std::string::npos) << program.err();
}

TEST_F(Limits, AReloadAppliesThem) {
  Program& program = start("nice = 3\n");
  insert_vice("before", "show_limits");
  EXPECT_TRUE(becomes("before", "done"));
  EXPECT_THAT(output("before"), HasSubstr("\"nice\": 3"));
  scratch.write("limits.toml", scratch.read("sluice.toml") + "[plugin.vices.limits]\nnice = 5\n");
  program.signal(SIGHUP);
  ASSERT_TRUE(program.says("plugin replaced")) << program.err();
  insert_vice("after", "show_limits");
  EXPECT_TRUE(becomes("after", "done"));
  EXPECT_THAT(output("after"), HasSubstr("\"nice\": 5"));
}

TEST_F(Limits, PluginRunSetsThoseOfTheKernelToo) {
  const std::string file =
      scratch.write("run.toml", "[plugin.vices.limits]\nfile_size = \"50kB\"\nopen_files = 64\n");
  const auto perform = [&](const std::string& vice) {
    return run({"plugin", "run", directory_.path() + "/vices.so", "test.vices",
                R"({"do":")" + vice + R"(","file":")" + scratch.path("filled") + R"("})", "--config", file});
  };
  const Ended fills = perform("fill_file");
  EXPECT_EQ(fills.code, 1) << fills.err;
  EXPECT_THAT(fills.out, HasSubstr("can't write: File too large; the plugin's limit is 50kB (file_size)"));
  EXPECT_THAT(perform("open_files").out,
              HasSubstr("can't open: Too many open files; the plugin's limit is 64 (open_files)"));
}

class Recycling : public Outbox {
 protected:
  /// A runtime whose plugins have these settings.
  Program& start(const std::string& settings) {
    scratch.write("recycling.toml", scratch.read("sluice.toml") + settings);
    config = scratch.path("recycling.toml");
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  /// Adds a plugin whose init waits for a file. The file exists; returns its path.
  std::string add_edition() const {
    std::filesystem::copy_file(SLUICE_TEST_PLUGINS "/editions/edition_1.so",
                               plugins.scratch().path("edition.so"));
    return scratch.write("init", "");
  }
  testing::AssertionResult is_relieved_more_than(std::size_t times) const {
    if (eventually([&] { return program_->said("plugin host took over from another one") > times; }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << program_->err();
  }

 private:
  std::unique_ptr<Program> program_;
};

TEST_F(Recycling, HostsAreRelievedAfterTheirJobsAndNoJobPays) {
  insert_many(3000, "test.probe", probe("sleep", ",\"ms\":10"));
  Program& program = start("[plugin.probe]\nprocesses = 2\n[plugin.probe.limits]\nrecycle_jobs = 50\n");
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "3000"; })) << program.err();
  EXPECT_EQ(count("attempts = 1"), "3000");
  const std::string started = scratch.read("started");
  EXPECT_EQ(std::count(started.begin(), started.end(), '\n'), 3000) << "no job ran twice";
  EXPECT_TRUE(is_relieved_more_than(2));
  EXPECT_TRUE(program.says(" jobs (recycle_jobs)"));
  EXPECT_EQ(program.said("plugin host died"), 0U);
  EXPECT_TRUE(eventually([&] { return program.children().size() == 2; })) << "those that were relieved end";
}

TEST_F(Recycling, AnOldHostEndsItsJobsWhileAnotherOneServes) {
  insert("waits", "test.probe", probe("wait_file", R"(,"gate":")" + scratch.path("gate") + '"'));
  Program& program = start("[plugin.probe.limits]\nrecycle_age = \"1s\"\n");
  ASSERT_TRUE(lines_in("started", 1));
  const std::vector<pid_t> first = program.children();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(is_relieved_more_than(0));
  insert("later", "test.probe");
  EXPECT_TRUE(becomes("later", "done"));
  EXPECT_EQ(::kill(first[0], 0), 0) << "it still has a job";
  scratch.write("gate-1", "");
  EXPECT_TRUE(becomes("waits", "done"));
  EXPECT_EQ(attempts("waits"), "1");
  EXPECT_TRUE(eventually([&] { return ::kill(first[0], 0) != 0; }));
  EXPECT_EQ(program.said("plugin host died"), 0U);
}

TEST_F(Recycling, OnlyFourHostsThatWereRelievedMayStillHaveJobs) {
  Program& program = start("[plugin.probe]\nslots = 8\n[plugin.probe.limits]\nrecycle_jobs = 1\n");
  for (std::size_t i = 0; i < 5; ++i) {
    const std::string number = std::to_string(i);
    insert("waits-" + number, "test.probe", probe("wait_file", R"(,"gate":")" + scratch.path("gate") + '"'));
    ASSERT_TRUE(lines_in("started", i + 1));
    insert("quick-" + number, "test.other");
    ASSERT_TRUE(becomes("quick-" + number, "done"));
    if (i < 4) {
      ASSERT_TRUE(is_relieved_more_than(i));
    }
  }
  insert("later", "test.probe");
  EXPECT_TRUE(becomes("later", "done"));
  EXPECT_EQ(program.children().size(), 5U);
  EXPECT_EQ(program.said("plugin host took over from another one"), 4U);
  scratch.write("gate-1", "");
  EXPECT_TRUE(eventually([&] { return count("status = 'done' AND attempts = 1") == "11"; })) << program.err();
  EXPECT_TRUE(is_relieved_more_than(4)) << "they have ended, so another one may be relieved";
}

TEST_F(Recycling, AHostWhoseReliefDoesNotGetReadyServesOn) {
  const std::string gate = add_edition();
  Program& program = start("[plugins]\nstart_timeout = \"3s\"\n[plugin.edition]\nconfig = {gate = \"" + gate +
                           "\"}\n[plugin.edition.limits]\nrecycle_age = \"1s\"\n");
  std::filesystem::remove(gate);
  EXPECT_TRUE(
      program.says("a plugin host can't take over from another one, which serves on: its process was "
                   "killed by signal 9 (Killed) (did not start within 3 s)"))
      << program.err();
  insert("job", "test.edition", R"({"file":")" + scratch.path("ran") + "\"}");
  EXPECT_TRUE(becomes("job", "done"));
  EXPECT_EQ(attempts("job"), "1");
  EXPECT_EQ(program.said("plugin refused"), 0U);
  EXPECT_TRUE(eventually([&] { return program.children().size() == 2; })) << "the probe's and the edition's";
}

TEST_F(Recycling, AHostThatDiesWhileItsReliefStartsIsRestartedOnce) {
  const std::string gate = add_edition();
  Program& program = start("[plugin.edition]\nconfig = {gate = \"" + gate +
                           "\"}\n[plugin.edition.limits]\nrecycle_age = \"1s\"\n");
  const std::vector<pid_t> first = program.children();
  ASSERT_EQ(first.size(), 2U);
  std::filesystem::remove(gate);
  insert("probe", "test.probe");
  ASSERT_TRUE(eventually([&] { return program.children().size() == 3; }));
  for (const pid_t host : first) ::kill(host, SIGKILL);
  ASSERT_TRUE(program.says("plugin host died")) << program.err();
  scratch.write("init", "");
  insert("job", "test.edition", R"({"file":")" + scratch.path("ran") + "\"}");
  EXPECT_TRUE(becomes("job", "done")) << program.err();
  EXPECT_TRUE(becomes("probe", "done"));
  EXPECT_TRUE(eventually([&] { return program.children().size() == 2; }));
}

}  // namespace
}  // namespace sluice::test
