// Plugins that leave processes behind, however they hide: none outlives the plugin host that started it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;

class Orphan : public Outbox {
 protected:
  std::map<std::string, std::string> surroundings(const std::string& more = "") {
    config = scratch.write("orphan.toml", scratch.read("sluice.toml") +
                                              "cancel_grace = \"200ms\"\n"
                                              "[type.\"test.orphans\"]\nmax_attempts = 1\n" +
                                              more);
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    return all;
  }
  std::string hides(const std::string& then) const {
    return R"({"do":"hide","hold":")" + scratch.path("hold") + R"(","then":")" + then + R"("})";
  }
  /// No process that a job left behind exists any more.
  bool all_ended() const {
    const int fd = open(scratch.path("hold").c_str(), O_RDWR | O_CLOEXEC);
    const bool free = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return free;
  }

  PluginDirectory directory{{"good/probe", "bad/orphans"}};
};

constexpr const char* said = "killed the processes that a plugin host left behind when it ended";

TEST_F(Orphan, EndsWhenItsHostCrashes) {
  Program runtime({"run"}, surroundings());
  insert("crash", "test.orphans", hides("crash"));
  EXPECT_TRUE(becomes("crash", "error")) << runtime.err();
  EXPECT_TRUE(eventually([&] { return all_ended(); })) << runtime.err();
  EXPECT_TRUE(runtime.says(said));
  EXPECT_THAT(runtime.err(), HasSubstr(R"("plugin":"orphans","processes":)"));
  insert("next", "test.orphans");
  EXPECT_TRUE(becomes("next", "done")) << runtime.err();
  EXPECT_EQ(runtime.said(said), 1U) << runtime.err();
}

TEST_F(Orphan, EndsWhenItsHostIsKilledAtATimeLimit) {
  Program runtime({"run"}, surroundings("timeout = \"300ms\"\n"));
  insert("hang", "test.orphans", hides("hang"));
  EXPECT_TRUE(becomes("hang", "error")) << runtime.err();
  EXPECT_TRUE(eventually([&] { return all_ended(); })) << runtime.err();
}

TEST_F(Orphan, LivesWithItsHostAndEndsWhenAnotherOneTakesOver) {
  Program runtime({"run"}, surroundings());
  insert("hide", "test.orphans", hides("done"));
  ASSERT_TRUE(becomes("hide", "done")) << runtime.err();
  EXPECT_EQ(database.value("SELECT output FROM sluice.output WHERE job_id = 'hide'"), R"({"let_go": false})")
      << "the kernel must refuse that a host lets go of its orphans";
  insert("next", "test.orphans");
  ASSERT_TRUE(becomes("next", "done"));
  EXPECT_FALSE(all_ended());
  static_cast<void>(surroundings("[plugin.orphans]\nslots = 2\n"));
  runtime.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return all_ended(); })) << runtime.err();
}

TEST_F(Orphan, EndsBeforeItsRuntimeDoes) {
  Program runtime({"run"}, surroundings());
  insert("hide", "test.orphans", hides("done"));
  ASSERT_TRUE(becomes("hide", "done")) << runtime.err();
  runtime.signal(SIGTERM);
  EXPECT_EQ(runtime.wait(30), 0) << runtime.err();
  EXPECT_TRUE(all_ended()) << runtime.err();
}

TEST_F(Orphan, EndsWithADrain) {
  insert("hide", "test.orphans", hides("done"));
  const Ended drain = run({"drain"}, surroundings());
  EXPECT_EQ(drain.code, 0) << drain.err;
  EXPECT_TRUE(all_ended()) << drain.err;
}

TEST_F(Orphan, EndsWithATrialOfItsPlugin) {
  const Ended trial =
      run({"plugin", "run", directory.path() + "/orphans.so", "test.orphans", hides("done")}, surroundings());
  EXPECT_EQ(trial.code, 0) << trial.err;
  EXPECT_TRUE(all_ended()) << trial.err;
}

TEST_F(Orphan, DoesNotKeepATrialFromSeeingThatThePluginCrashed) {
  const auto begin = std::chrono::steady_clock::now();
  const Ended trial = run({"plugin", "run", directory.path() + "/orphans.so", "test.orphans", hides("crash")},
                          surroundings());
  EXPECT_NE(trial.code, 0);
  EXPECT_THAT(trial.out + trial.err, HasSubstr("signal 11"));
  EXPECT_TRUE(all_ended());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << "they live for 120 s";
}

TEST_F(Orphan, OfAnotherProgramIsSpared) {
  insert("crash", "test.orphans", hides("crash"));
  const std::string command =
      "sleep 120 & echo $! >'" + scratch.path("other") + "'; exec '" + Program::path() + "' drain";
  Program runtime({"-c", command}, surroundings(), "", "sh");
  EXPECT_EQ(runtime.wait(), 0) << runtime.err();
  EXPECT_TRUE(all_ended());
  const pid_t other = std::stoi(scratch.read("other"));
  EXPECT_EQ(::kill(other, SIGKILL), 0) << "a child from before the program was executed is not a plugin's";
}

/// Those that have ended and that it has not waited for count as well.
std::vector<std::string> children_of(const std::string& parent, bool only_ended = false) {
  std::vector<std::string> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string line;
    std::getline(file, line);
    const std::size_t state = line.rfind(") ") + 2;  // then its parent; the name before may contain anything
    if (line.empty() || line.compare(state + 2, parent.size() + 1, parent + " ") != 0) continue;
    if (!only_ended || line[state] == 'Z') children.push_back(entry.path().filename());
  }
  return children;
}

TEST_F(Orphan, ThatEndedIsWaitedForButNoChildOfThePluginIs) {
  Program runtime({"run"}, surroundings());
  insert("zombies", "test.orphans", R"({"do":"zombies","count":1})");
  ASSERT_TRUE(becomes("zombies", "done")) << error("zombies") << runtime.err();
  const auto zombies = [&] {
    std::size_t count = 0;
    for (const std::string& host : children_of(std::to_string(runtime.pid())))
      count += children_of(host, true).size();
    return count;
  };
  EXPECT_EQ(zombies(), 1U);
  EXPECT_TRUE(eventually([&] { return zombies() == 0; }));
}

}  // namespace
}  // namespace sluice::test
