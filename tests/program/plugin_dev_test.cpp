// sluice plugin dev: builds and serves a project of `plugin new`, serves saved changes soon, and leaves no
// process behind.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// The processes that work in `folder`, or whose arguments contain a path in it.
std::vector<pid_t> processes_of(const std::string& folder) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ostringstream words;
    words << std::ifstream(entry.path() / "cmdline", std::ios::binary)
                 .rdbuf();  // empty if the process has ended
    std::error_code error;
    const std::string place = fs::read_symlink(entry.path() / "cwd", error).string();
    if (words.str().find(folder) != std::string::npos || place.starts_with(folder)) found.push_back(pid);
  }
  return found;
}

class PluginDev : public testing::Test {
 protected:
  PluginDev() { chmod(scratch.path().c_str(), 0755); }  // so that PostgreSQL's user can reach it
  ~PluginDev() override {
    dev.reset();
    EXPECT_TRUE(eventually([&] { return processes_of(scratch.path()).empty(); }));
  }

  void make(const std::string& language) {
    const Ended made =
        run({"plugin", "new", "mine", "--type", "mine.run", "--lang", language, "--dir", project});
    ASSERT_EQ(made.code, 0) << made.err;
  }
  void start(std::vector<std::string> more = {}, const std::map<std::string, std::string>& environment = {}) {
    std::vector<std::string> words{"plugin", "dev", project};
    words.insert(words.end(), more.begin(), more.end());
    dev = std::make_unique<Program>(words, environment);
  }
  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = scratch.read("mine/" + file);
    ASSERT_NE(text.find(from), std::string::npos) << file << " has no " << from;
    text.replace(text.find(from), from.size(), to);
    // Replaces the file by renaming, as editors do.
    scratch.write("mine/." + file + ".new", text);
    fs::rename(scratch.path("mine/." + file + ".new"), scratch.path("mine/" + file));
  }

  testing::AssertionResult says(const std::string& text, std::size_t often = 1) const {
    const auto all = [&] { return dev->out() + dev->err(); };
    if (eventually([&] { return times(all(), text) >= often; }, std::chrono::seconds(120)))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "did not print '" << text << "'\n" << dev->out() << dev->err();
  }
  /// Runs the command that `plugin dev` has shown.
  testing::AssertionResult enqueue(const std::string& payload = "") const {
    if (auto shown = says(" enqueue mine.run "); !shown) return shown;
    const std::string out = dev->out();
    const std::size_t line = out.rfind('\n', out.find(" enqueue mine.run "));
    std::string command = out.substr(line + 1, out.find('\n', line + 1) - line - 1);
    if (!payload.empty())
      command.replace(command.find("'{"), command.find("}'") + 2 - command.find("'{"), payload);
    if (std::system((command + " >/dev/null").c_str()) == 0) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "failed: " << command;
  }
  int interrupt() const {
    dev->signal(SIGINT);
    return dev->wait();
  }
  pid_t postmaster() const {
    return std::atoi(scratch.read("mine/build/sluice-dev/postgres/data/postmaster.pid").c_str());
  }

  Scratch scratch;
  const std::string project = scratch.path("mine");
  std::unique_ptr<Program> dev;
};

TEST_F(PluginDev, ServesSavedChangesAndContinuesAfterAFailedBuild) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  scratch.write("mine/example.json", "{\"name\": \"Ada\",\n \"lines\": 2}\n");
  // A database in the environment or in the configuration must not be drained by accident.
  scratch.write("mine/sluice.toml",
                "[database]\nurl_file = \"/nowhere\"\ntable = \"shop.Jobs\"\n"
                "direct_url = \"postgresql://nobody@127.0.0.1:1/production\"\n");
  start({}, {{"DATABASE_URL", "postgresql://nobody@127.0.0.1:1/production"}});
  ASSERT_TRUE(says("DATABASE_URL is ignored"));
  ASSERT_TRUE(says(R"(enqueue mine.run '{"name":"Ada","lines":2}' --database-url 'postgresql://sluice@)"));
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("greeting plugin=mine"));
  ASSERT_TRUE(says("outcome=done"));

  replace("mine.c", "SLUICE_STR(\"greeting\")", "SLUICE_STR(\"good evening\")");
  ASSERT_TRUE(says("plugin replaced plugin=mine"));
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("good evening plugin=mine"));

  replace("mine.c", "return SLUICE_DONE;", "return SLUICE_DONE");
  ASSERT_TRUE(says("error: expected"));  // the compiler's message
  ASSERT_TRUE(says("the build failed; the previous plugin keeps running"));
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("good evening plugin=mine", 2));

  // A change that builds, but that the runtime refuses.
  replace("mine.c", "return SLUICE_DONE", "return SLUICE_DONE;");
  replace("schema.json", "\"required\"", "\"reqired\"");
  ASSERT_TRUE(says("plugin refused, the present version continues"));
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("good evening plugin=mine", 3));

  EXPECT_EQ(interrupt(), 0);
  EXPECT_TRUE(processes_of(scratch.path()).empty());
  EXPECT_EQ(postmaster(), 0) << "the server must be shut down";
}

TEST_F(PluginDev, WaitsAfterAFailedFirstBuildAndUsesTheProjectsConfiguration) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  TestDatabase database;
  ASSERT_EQ(run({"init", "--database-url", database.url()}).code, 0);
  replace("CMakeLists.txt", "sluice_add_plugin(mine ", "sluice_add_plugin(mine missing.c ");
  start({"--database-url", database.url(), "--log-level", "info"});
  ASSERT_TRUE(says("missing.c"));
  ASSERT_TRUE(says("the build failed; waiting for the next change"));
  replace("CMakeLists.txt", "missing.c ", "");
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("greeting plugin=mine"));
  EXPECT_EQ(database.value(R"(SELECT count(*) FROM "Outbox")"), "1");

  scratch.write("mine/sluice.toml", "[plugin.mine]\nslots = none\n");
  ASSERT_TRUE(says("sluice.toml:2: "));
  scratch.write("mine/sluice.toml", "[plugin.mine]\nslots = 2\nenabled = false\n");
  ASSERT_TRUE(says("plugin disabled by its settings"));
  scratch.write("mine/sluice.toml", "[plugin.mine]\nslots = 2\n");
  ASSERT_TRUE(says("plugin added"));
  EXPECT_EQ(dev->err().find("outcome=done"), std::string::npos) << "a line of level debug was logged";
  EXPECT_EQ(interrupt(), 0);
  EXPECT_FALSE(fs::exists(scratch.path("mine/build/sluice-dev/postgres")));
}

TEST_F(PluginDev, ResolvesRelativePathsInTheProject) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  TestDatabase database;
  ASSERT_EQ(run({"init", "--database-url", database.url()}).code, 0);
  replace("mine.c", "  if (job->api->is_cancelled(job)) return SLUICE_CANCELLED;",
          "  fclose(fopen(\"build/here\", \"w\"));");
  replace("mine.c", "#include <stdlib.h>", "#include <stdio.h>\n#include <stdlib.h>");
  start({"--database-url", database.url()});  // from another directory
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("outcome=done"));
  EXPECT_TRUE(fs::exists(scratch.path("mine/build/here")));
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(PluginDev, EndsWithItsParentAndStartsAfterAKilledOne) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  start();
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("outcome=done"));
  const Ended second = run({"plugin", "dev", project});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("another `sluice plugin dev` is running"), std::string::npos) << second.err;

  dev->signal(SIGKILL);
  dev->wait();
  start();  // while the processes of the killed one are still ending
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("outcome=done"));
  dev->signal(SIGKILL);
  dev->wait();
  ASSERT_TRUE(eventually([&] { return processes_of(scratch.path()).empty(); }));

  // An unrelated process now has the process id in the file.
  const std::string file = "mine/build/sluice-dev/postgres/data/postmaster.pid";
  scratch.write(file, std::to_string(getpid()) + "\n" + project + "\n");
  chmod(scratch.path(file).c_str(), 0644);
  start();
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("outcome=done"));
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(PluginDev, RestartsARuntimeThatHasEnded) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  TestDatabase database;
  start({"--database-url",
         database.url()});  // the outbox is missing, because the database's owner must create it
  ASSERT_TRUE(says("the runtime ended with exit status"));
  ASSERT_EQ(run({"init", "--database-url", database.url()}).code, 0);
  replace("mine.c", "greeting", "good morning");
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("good morning plugin=mine"));
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(PluginDev, BuildsAgainAfterAChangeDuringABuild) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  TestDatabase database;
  ASSERT_EQ(run({"init", "--database-url", database.url()}).code, 0);
  std::ofstream(scratch.path("mine/CMakeLists.txt"), std::ios::app)
      << "add_custom_command(TARGET mine POST_BUILD VERBATIM COMMAND sh -c \"touch '"
      << scratch.path("linked") << "'; until test -e '" << scratch.path("go")
      << "'; do sleep 0.05; done\")\n";
  start({"--database-url", database.url()});
  ASSERT_TRUE(eventually([&] { return fs::exists(scratch.path("linked")); }));
  replace("mine.c", "greeting", "good night");
  scratch.write("go", "");
  ASSERT_TRUE(says("dev: built in", 2));
  // The runtime may have begun with either version.
  EXPECT_TRUE(eventually([&] {
    return enqueue() && (dev->out() + dev->err()).find("good night plugin=mine") != std::string::npos;
  })) << dev->out()
      << dev->err();
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(PluginDev, CtrlCEndsABuild) {
  ASSERT_NO_FATAL_FAILURE(make("c"));
  TestDatabase database;
  replace("CMakeLists.txt", "sluice_add_plugin(mine ",
          "message(\"slow\")\nexecute_process(COMMAND sleep 600)\nsluice_add_plugin(mine ");
  start({"--database-url", database.url()});
  ASSERT_TRUE(says("slow"));
  EXPECT_EQ(interrupt(), 0);
  EXPECT_TRUE(processes_of(scratch.path()).empty());
}

TEST_F(PluginDev, BuildsWithCargoToo) {
  if (!installed("cargo")) GTEST_SKIP() << "cargo is not installed";
  ASSERT_NO_FATAL_FAILURE(make("rust"));
  TestDatabase database;
  ASSERT_EQ(run({"init", "--database-url", database.url()}).code, 0);
  start({"--database-url", database.url()});
  ASSERT_TRUE(enqueue());
  ASSERT_TRUE(says("outcome=done"));
  EXPECT_EQ(dev->out().find("changed"), std::string::npos)
      << "files that cargo writes must not count as changes: " << dev->out();
  EXPECT_EQ(interrupt(), 0);
}

TEST_F(PluginDev, ReportsWhyItCantBegin) {
  const auto refused = [&](int code, const std::string& words, const std::vector<std::string>& more = {},
                           const std::string& path = "") {
    std::vector<std::string> all{Program::path(), "plugin", "dev", project};
    if (!path.empty()) all.insert(all.begin(), "PATH=" + path);
    all.insert(all.end(), more.begin(), more.end());
    Program program(all, {}, "", "env");
    EXPECT_EQ(program.wait(), code);
    EXPECT_NE(program.err().find(words), std::string::npos) << program.err();
    EXPECT_EQ(times(program.err(), "\n"), 1U) << program.err();
  };
  refused(2, "there is no folder " + project);
  fs::create_directory(project);
  refused(
      2, "has neither CMakeLists.txt nor Cargo.toml; `sluice plugin new NAME --type TYPE` creates a project");
  scratch.write("mine/CMakeLists.txt", "project(mine)\n");
  refused(2, "--build-dir is the project folder itself", {"--build-dir", project});
  refused(2, "--log-level must be", {"--log-level", "loud"});
  refused(2, "reading the configuration file '/nowhere' failed", {"--config", "/nowhere"});
  refused(1, "there is no program 'cmake' on the PATH; install the package cmake", {}, "/nowhere");
  fs::create_directory(scratch.path("bin"));
  scratch.write("bin/cmake", "");
  chmod(scratch.path("bin/cmake").c_str(), 0755);
  refused(1, "there is neither 'make' nor 'ninja' on the PATH; install the package make", {},
          scratch.path("bin"));
  scratch.write("file", "");
  refused(1, "name a writable folder with --build-dir", {"--build-dir", scratch.path("file")});
}

}  // namespace
}  // namespace sluice::test
