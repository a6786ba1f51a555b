// Plugin hosts in control groups: the kernel keeps the limits of a host with all that it starts, whatever
// session they move to, and ends them together. Where the tests may not change a control group, they are
// skipped; tests/vm runs them in a virtual machine.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "fleet/control_group.hpp"
#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;

constexpr mode_t group_mode = 0755;

class Grouped : public Outbox {
 protected:
  /// A group for the runtime, as a service manager makes it.
  void SetUp() override {
    try {
      groups_ = std::make_unique<fleet::ControlGroups>();
    } catch (const fleet::NoControlGroups& error) {
      GTEST_SKIP() << "needs a control group that it may change: " << error.what();
    }
    group = make_group(groups_->path() + "/service");
  }
  static std::string make_group(const std::string& path) {
    EXPECT_EQ(mkdir(path.c_str(), group_mode), 0) << path;
    return path;
  }
  /// The program, started in that group.
  std::unique_ptr<Program> start_in(const std::string& its_group, const std::string& settings) {
    scratch.write("groups.toml", scratch.read("sluice.toml") + settings);
    auto all = environment();
    all["SLUICE_CONFIG"] = scratch.path("groups.toml");
    all["SLUICE_PLUGIN_DIR"] = directory_.path();
    return std::make_unique<Program>(
        std::vector<std::string>{"-c", R"(echo 0 > "$0/cgroup.procs" && exec "$@")", its_group,
                                 Program::path(), "run"},
        all, "", "sh");
  }
  /// A runtime whose plugin `vices` has these limits, beside the probe.
  Program& start(const std::string& limits) {
    program_ = start_in(group,
                        "[plugins]\ncontrol_groups = \"require\"\n[type.\"test.vices\"]\nmax_attempts = 1\n"
                        "[plugin.vices.limits]\n" +
                            limits);
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    EXPECT_TRUE(program_->says("control groups enforce the limits of plugin hosts")) << program_->err();
    return *program_;
  }
  void insert_vice(const std::string& id, const std::string& vice) {
    insert(id, "test.vices", R"({"do":")" + vice + R"(","file":")" + scratch.path(id) + R"("})");
  }
  std::string code(const std::string& id) {
    return database.value("SELECT code FROM sluice.attempt WHERE job_id = $1 ORDER BY at DESC LIMIT 1", {id});
  }
  /// A process that is in no process group, session or environment of its host.
  pid_t hidden_process() {
    insert_vice("hides", "hide");
    EXPECT_TRUE(becomes("hides", "done"));
    return std::stoi("0" + scratch.read("hides"));
  }
  std::string hosts_of(const Program& program) const {
    return group + "/hosts-" + std::to_string(program.pid());
  }
  static std::vector<std::string> groups_in(const std::string& above) {
    std::vector<std::string> groups;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(above, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->is_directory(error)) groups.push_back(entry->path().string());
    }
    return groups;
  }
  /// Of the probe and the vices.
  static bool has_two_groups(const std::string& hosts) {
    return eventually([&] { return groups_in(hosts).size() == 2; });
  }
  static bool is_gone(pid_t process) {
    return eventually([&] { return ::kill(process, 0) != 0; });
  }

  std::string group;

 private:
  std::unique_ptr<fleet::ControlGroups> groups_;
  PluginDirectory directory_{{"good/probe", "bad/vices"}};
  std::unique_ptr<Program> program_;
};

TEST_F(Grouped, AHostThatReachesItsMemoryDiesWholeAndOthersGoOn) {
  insert_many(200, "test.probe", probe("sleep", ",\"ms\":20"));
  Program& program = start("memory = \"128MB\"\n");
  for (const std::string vice : {"eat", "eat_in_a_child", "eat_in_an_orphan"}) {
    insert_vice(vice, vice);
    EXPECT_TRUE(becomes(vice, "error")) << program.err();
    EXPECT_EQ(code(vice), "memory");
    EXPECT_EQ(
        error(vice),
        "the plugin host was killed because it reached its limit of 128.0 MB (memory) while only this job "
        "ran in it");
    EXPECT_EQ(database.value("SELECT peak_memory > 100000000 FROM sluice.attempt WHERE job_id = $1", {vice}),
              "t");
  }
  EXPECT_TRUE(eventually([&] { return count("status = 'done' AND attempts = 1") == "200"; }));
  insert_vice("later", "ok");
  EXPECT_TRUE(becomes("later", "done"));
  EXPECT_TRUE(has_two_groups(hosts_of(program))) << "those of hosts that have ended are removed";
}

TEST_F(Grouped, AForkBombStopsAtItsLimitAndEnds) {
  Program& program = start("tasks = 40\n");
  insert_vice("bombs", "fork_bomb");
  EXPECT_TRUE(becomes("bombs", "error")) << program.err();
  EXPECT_EQ(code("bombs"), "tasks");
  EXPECT_THAT(error("bombs"), HasSubstr("reached its limit of 40 processes and threads (tasks)"));
  EXPECT_TRUE(has_two_groups(hosts_of(program))) << "none of its processes is left";
  insert_vice("later", "ok");
  EXPECT_TRUE(becomes("later", "done"));
}

TEST_F(Grouped, AHostEndsWithItsHiddenProcessesAndStatusShowsWhatLimitsIt) {
  Program& program = start("memory = \"256MB\"\nnice = 5\n");
  const pid_t hidden = hidden_process();
  ASSERT_GT(hidden, 1);
  ASSERT_EQ(::kill(hidden, 0), 0) << "it outlives its job";
  if (fleet::group_files::has_controller(group, "cgroup.controllers", "cpu")) {
    std::vector<std::string> priorities;
    for (const std::string& host : groups_in(hosts_of(program)))
      priorities.push_back(fleet::group_files::read(host, "cpu.weight.nice"));
    EXPECT_THAT(priorities, testing::UnorderedElementsAre("0\n", "5\n"));
  }
  EXPECT_TRUE(eventually([&] {
    return sluice({"status"}).out.find("limits of each host of vices: memory 256MB (control group)") !=
           std::string::npos;
  })) << program.err();
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_TRUE(is_gone(hidden));
  EXPECT_EQ(groups_in(group), std::vector<std::string>{group + "/runtime"});
}

TEST_F(Grouped, TheNextStartRemovesWhatAKilledRuntimeLeftBehind) {
  Program& first = start("");
  const pid_t hidden = hidden_process();
  ASSERT_GT(hidden, 1);
  const std::string left = hosts_of(first);
  first.signal(SIGKILL);
  first.wait();
  ASSERT_EQ(::kill(hidden, 0), 0);
  ASSERT_TRUE(std::filesystem::exists(left));
  const auto second = start_in(group + "/runtime", "");
  EXPECT_TRUE(second->says("plugins loaded")) << second->err();
  EXPECT_TRUE(second->says("removing the control groups of a runtime that was killed"));
  EXPECT_TRUE(is_gone(hidden));
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(has_two_groups(hosts_of(*second))) << "below the same group";
}

TEST_F(Grouped, AGroupThatVanishesIsWarnedOfAndItsLimitsAreWatched) {
  Program& program = start("memory = \"128MB\"\n");
  const std::string hosts = hosts_of(program);
  const std::string other = make_group(group + "/other");
  for (const std::string& one : groups_in(hosts)) {
    for (const pid_t process : program.children())
      std::ofstream(other + "/cgroup.procs") << process << std::flush;
    EXPECT_TRUE(fleet::group_files::remove(one)) << one;
  }
  ASSERT_TRUE(fleet::group_files::remove(hosts));
  EXPECT_TRUE(program.says("the control group of a plugin host is gone")) << program.err();
  insert_vice("eats", "eat");
  EXPECT_TRUE(becomes("eats", "error")) << program.err();
  EXPECT_EQ(code("eats"), "memory");
  EXPECT_THAT(error("eats"), HasSubstr("its limit is 128.0 MB (memory)")) << "as the watch says it";
  EXPECT_TRUE(program.says("a plugin host has no control group")) << program.err();
  insert_vice("later", "ok");
  EXPECT_TRUE(becomes("later", "done")) << program.err();
}

TEST_F(Grouped, KernelsWithoutCgroupKillEndAHostToo) {
  Program& program = start("");
  const pid_t hidden = hidden_process();
  ASSERT_EQ(::kill(hidden, 0), 0);
  fleet::group_files::kill_each(hosts_of(program));
  EXPECT_TRUE(is_gone(hidden));
}

TEST_F(Grouped, RequireRefusesToStartWhereOtherProcessesAreInTheGroup) {
  const std::string shared = make_group(group + "/shared");
  std::ofstream(group + "/cgroup.subtree_control") << "+memory +pids" << std::flush;
  const Program other({"-c", R"(echo 0 > "$0/cgroup.procs" && exec sleep 1000)", shared}, {}, "", "sh");
  ASSERT_TRUE(eventually([&] { return !fleet::group_files::read(shared, "cgroup.procs").empty(); }));
  const auto refused = start_in(shared, "[plugins]\ncontrol_groups = \"require\"\n");
  EXPECT_EQ(refused->wait(), 2);
  EXPECT_THAT(refused->err(), HasSubstr(shared + " has other processes besides this one; start sluice in a"));
  EXPECT_THAT(refused->err(), HasSubstr("Delegate=yes"));
  EXPECT_TRUE(groups_in(shared).empty()) << "everything is as it was";
  const auto watching = start_in(shared, "");
  EXPECT_TRUE(watching->says("the runtime watches the limits of plugin hosts")) << watching->err();
  EXPECT_TRUE(watching->says("plugins loaded")) << watching->err();
}

}  // namespace
}  // namespace sluice::test
