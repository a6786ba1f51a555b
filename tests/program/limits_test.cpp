// Limits of plugin hosts: one that exceeds a limit is killed or told so by the kernel, with the figures, and
// other plugins' jobs end as if nothing had happened. And hosts that others relieve.
#include <gmock/gmock.h>

#include <set>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class Limits : public Outbox {
 protected:
  /// A runtime whose plugin `vices` has these limits, beside the probe.
  Program& start(const std::string& limits, const std::string& more = "") {
    config = scratch.write("limits.toml", scratch.read("sluice.toml") +
                                              "[type.\"test.vices\"]\nmax_attempts = 2\n" + more +
                                              "[plugin.vices.limits]\n" + limits);
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

TEST_F(Limits, AHostThatTakesTooMuchMemoryIsKilledAndItsJobIsCharged) {
  insert_many(200, "test.probe", probe("sleep", ",\"ms\":20"));
  insert_vice("eats", "eat");
  Program& program = start("memory = \"64MB\"\n");
  EXPECT_TRUE(eventually([&] { return status("eats") == "error" && attempts("eats") == "2"; }))
      << program.err();
  EXPECT_EQ(code("eats"), "memory");
  EXPECT_THAT(error("eats"), MatchesRegex("the plugin host was killed because it took [0-9.]+ MB, and its "
                                          "limit is 64.0 MB \\(memory\\) while only this job ran in it"));
  EXPECT_TRUE(program.says("was killed because it took"));
  EXPECT_TRUE(eventually([&] { return count("status = 'done' AND attempts = 1") == "200"; }));
  insert_vice("later", "ok");
  EXPECT_TRUE(becomes("later", "done"));
}

TEST_F(Limits, WhoeverRanInAHostThatTookTooMuchMayHaveCausedIt) {
  insert_vice("waits", "leave_group");
  Program& program = start("memory = \"64MB\"\n");
  ASSERT_TRUE(lines_in("waits", 1));
  insert_vice("eats", "eat");
  EXPECT_TRUE(becomes("eats", "error")) << program.err();
  const std::string first =
      "SELECT coalesce(min(error), '') FROM sluice.attempt WHERE code = 'memory' AND job_id = 'waits'";
  EXPECT_TRUE(eventually([&] { return !database.value(first).empty(); })) << program.err();
  EXPECT_THAT(database.value(first), HasSubstr("(memory) while this job and 1 other ran in it"));
}

TEST_F(Limits, TheMemoryOfAnOrphanCountsToo) {
  insert_vice("eats", "eat_in_an_orphan");
  Program& program = start("memory = \"64MB\"\n");
  EXPECT_TRUE(becomes("eats", "error")) << program.err();
  EXPECT_EQ(code("eats"), "memory");
}

TEST_F(Limits, AnAllocationThatIsFarTooLargeFailsAtOnce) {
  insert_vice("allocates", "allocate_too_much");
  Program& program = start("memory = \"64MB\"\n");
  EXPECT_TRUE(becomes("allocates", "error")) << program.err();
  EXPECT_THAT(error("allocates"), HasSubstr("ran out of memory; the plugin's limit is 64MB (memory)"));
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
  Program& program = start("open_files = 64\nfile_size = \"100kB\"\ncore = \"0\"\nnice = 12\n");
  EXPECT_TRUE(becomes("fills", "error")) << program.err();
  EXPECT_EQ(error("fills"), "can't write: File too large; the plugin's limit is 100kB (file_size)");
  EXPECT_EQ(scratch.read("fills").size(), 100'000U);
  EXPECT_TRUE(becomes("opens", "error")) << program.err();
  EXPECT_EQ(error("opens"), "can't open: Too many open files; the plugin's limit is 64 (open_files)");
  EXPECT_TRUE(becomes("shows", "done"));
  EXPECT_EQ(output("shows"), R"({"core": 0, "nice": 12, "files": 64})");
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

}  // namespace
}  // namespace sluice::test
