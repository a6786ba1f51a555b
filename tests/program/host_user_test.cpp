// Plugin hosts that run as a user of their own, and what a runtime says that can't give them one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class HostUser : public Outbox {
 protected:
  /// Everybody must get to the plugins.
  HostUser() { std::filesystem::permissions(directory.path(), std::filesystem::perms(0755)); }
  std::map<std::string, std::string> surroundings(const std::string& toml) {
    config = scratch.write(
        "user.toml", scratch.read("sluice.toml") +
                         "cancel_grace = \"200ms\"\n[type.\"test.insider\"]\nmax_attempts = 1\n" + toml);
    auto all = environment();
    all["SLUICE_PLUGIN_DIR"] = directory.path();
    return all;
  }
  std::string said_by(const std::string& id) {
    return database.value("SELECT output FROM sluice.output WHERE job_id = $1", {id});
  }
  static std::string ids(const std::string& user) {
    const passwd* const entry = getpwnam(user.c_str());
    return entry == nullptr ? "" : std::to_string(entry->pw_uid);
  }

  PluginDirectory directory{{"bad/insider", "good/probe"}};
};

class RootsHostUser : public HostUser {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can start processes of another user";
    if (getpwnam("daemon") == nullptr) GTEST_SKIP() << "this system has no user 'daemon'";
  }
};

TEST_F(RootsHostUser, IsThatOfThePluginFromBeforeItIsLoadedAndForGood) {
  Program runtime({"run"}, surroundings("[plugin.insider]\nuser = \"daemon\"\n"));
  insert("who", "test.insider");
  ASSERT_TRUE(becomes("who", "done")) << runtime.err();
  const std::string id = ids("daemon");
  EXPECT_THAT(said_by("who"), HasSubstr(R"("at_load": ")" + id + '"'));
  EXPECT_THAT(said_by("who"), HasSubstr(R"("users": ")" + id + " " + id + " " + id + '"'));
  EXPECT_THAT(said_by("who"), HasSubstr(R"( and 0 more")"));
  EXPECT_THAT(said_by("who"), HasSubstr(R"("root_again": false)"));
  EXPECT_THAT(said_by("who"), HasSubstr(R"("shadow": false)"));
  EXPECT_THAT(said_by("who"), HasSubstr(std::string(R"("home": ")") + getpwnam("daemon")->pw_dir + '"'));
  insert("probe", "test.probe", probe("ok"));
  EXPECT_TRUE(becomes("probe", "done")) << "a plugin without a user runs as root";
  EXPECT_TRUE(runtime.says("sluice runs as root, and so do all plugins without a user of their own"));
}

TEST_F(RootsHostUser, IsThatOfAllPluginsIfTheConfigurationSaysSo) {
  Program runtime({"run"}, surroundings("[plugins]\nuser = \"daemon\"\n"));
  insert("who", "test.insider");
  ASSERT_TRUE(becomes("who", "done")) << runtime.err();
  EXPECT_THAT(said_by("who"), HasSubstr(R"("at_load": ")" + ids("daemon") + '"'));
  EXPECT_THAT(runtime.err(), Not(HasSubstr("sluice runs as root, and so do")));
}

// A sanitizer takes more address space than any limit of memory leaves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr const char* memory_limit = "";
#else
constexpr const char* memory_limit = "memory = \"200MB\", ";
#endif

TEST_F(RootsHostUser, KeepsSecretsSandboxLimitsStacksAndTheLock) {
  ASSERT_EQ(run({"plugin", "lock", directory.path()}).code, 0);
  scratch.write("secret", "a long enough secret\n");
  Program runtime({"run"}, surroundings("cpu_limit = \"300ms\"\n"
                                        "[plugin.insider]\nuser = \"daemon\"\n"
                                        "sandbox = { network = \"any\" }\n"
                                        "secrets = { key = { file = \"" +
                                        scratch.path("secret") + "\" } }\nlimits = { " + memory_limit +
                                        "nice = 5, open_files = 200, recycle_jobs = 1 }\n"));
  insert("who", "test.insider");
  ASSERT_TRUE(becomes("who", "done")) << runtime.err();
  EXPECT_THAT(said_by("who"), HasSubstr(R"("at_load": ")" + ids("daemon") + '"'));
  insert("spins", "test.insider", R"({"do":"spin","deaf":true})");
  ASSERT_TRUE(becomes("spins", "error")) << runtime.err();
  EXPECT_THAT(database.value("SELECT stack FROM sluice.attempt WHERE job_id = 'spins'"), HasSubstr("#0 "))
      << runtime.err();
  insert("next", "test.insider");
  EXPECT_TRUE(becomes("next", "done")) << runtime.err();
  runtime.signal(SIGTERM);
  EXPECT_EQ(runtime.wait(30), 0);
}

TEST_F(RootsHostUser, IsShownByListInspectAndStatus) {
  const auto all = surroundings("[plugin.insider]\nuser = \"daemon\"\n");
  Program runtime({"run"}, all);
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  EXPECT_THAT(run({"plugin", "list"}, all).out, HasSubstr("  insider: user daemon\n"));
  EXPECT_THAT(run({"plugin", "inspect", directory.path() + "/insider.so"}, all).out,
              HasSubstr("user daemon\n"));
  EXPECT_TRUE(eventually([&] {
    return run({"status"}, all).out.find("limits of each host of insider: user daemon") != std::string::npos;
  }));
}

TEST_F(RootsHostUser, IsThatOfATrialToo) {
  const auto all = surroundings("[plugin.insider]\nuser = \"daemon\"\n");
  const Ended trial =
      run({"plugin", "run", directory.path() + "/insider.so", "test.insider", "{}", "--json"}, all);
  EXPECT_EQ(trial.code, 0) << trial.err;
  EXPECT_THAT(trial.out, HasSubstr(R"("at_load":")" + ids("daemon"))) << trial.out;
}

TEST_F(RootsHostUser, ChangesWithAReload) {
  Program runtime({"run"}, surroundings("[plugin.insider]\nuser = \"daemon\"\n"));
  ASSERT_TRUE(runtime.says("plugins loaded")) << runtime.err();
  static_cast<void>(surroundings("[plugin.insider]\nuser = \"nobody\"\n"));
  runtime.signal(SIGHUP);
  ASSERT_TRUE(runtime.says("\"reloaded\"")) << runtime.err();
  insert("who", "test.insider");
  ASSERT_TRUE(becomes("who", "done")) << runtime.err();
  EXPECT_THAT(said_by("who"), HasSubstr(R"("at_load": ")" + ids("nobody") + '"'));
  static_cast<void>(surroundings("[plugin.insider]\nuser = \"no-such-user\"\n"));
  runtime.signal(SIGHUP);
  EXPECT_TRUE(
      runtime.says("not reloading, everything stays as it is: 'plugin.insider.user': found 'no-such-user'"));
}

TEST_F(HostUser, ThatDoesNotExistIsRefused) {
  const auto all = surroundings("[plugin.insider]\nuser = \"no-such-user\"\n");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"run"}, {"drain"}, {"config", "check"}}) {
    const Ended ended = run(words, all);
    EXPECT_EQ(ended.code, 2) << words[0];
    EXPECT_THAT(ended.err,
                HasSubstr("'plugin.insider.user': found 'no-such-user', expected a user of this machine; "
                          "create it"));
  }
}

TEST_F(HostUser, OfAnotherUserNeedsRoot) {
  scratch.write("other.toml", "[plugins]\nuser = \"daemon\"\n");
  scratch.write("own.toml", "[plugins]\nuser = \"nobody\"\n");
  std::filesystem::permissions(scratch.path("other.toml"), std::filesystem::perms(0644));
  std::filesystem::permissions(scratch.path("own.toml"), std::filesystem::perms(0644));
  std::filesystem::permissions(scratch.path(), std::filesystem::perms(0755));
  if (geteuid() != 0) GTEST_SKIP() << "only root can run sluice as user 'nobody'";
  const std::string as_nobody = "--reuid=nobody --regid=65534 --clear-groups ";
  const auto check = [&](const std::string& file) {
    Program program({"-c", "exec setpriv " + as_nobody + Program::path() + " config check --config " +
                               scratch.path(file) + " --plugins " + directory.path()},
                    {}, "", "sh");
    const int code = program.wait();
    return std::pair(code, program.out() + program.err());
  };
  const auto [code, words] = check("other.toml");
  EXPECT_EQ(code, 2);
  EXPECT_THAT(
      words, HasSubstr("'plugins.user': plugin hosts can't run as 'daemon', because sluice runs as 'nobody'; "
                       "start sluice as root, or take the key out"));
  EXPECT_THAT(check("own.toml").second, Not(HasSubstr("can't run as")));
}

}  // namespace
}  // namespace sluice::test
