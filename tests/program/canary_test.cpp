// sluice reload --canary: a new version gets a share of the jobs, and is promoted or goes back.
#include <signal.h>

#include "program/outbox.hpp"

namespace sluice::test {
namespace {

class CanaryRun : public Outbox {
 protected:
  CanaryRun() {
    config = scratch.write("sluice.toml",
                           "[retry]\nbackoff_first = \"10ms\"\nbackoff_cap = \"50ms\"\nmax_attempts = 50\n"
                           "[runtime]\npoll_interval = \"20ms\"\n");
    put("edition_1");
  }

  /// Puts a built edition into the plugin directory by renaming, as a deployment does.
  void put(const std::string& edition) {
    const auto at = [&](const char* file) { return plugins.scratch().path(file); };
    std::filesystem::copy_file(SLUICE_TEST_PLUGINS "/editions/" + edition + ".so", at("new"));
    std::filesystem::rename(at("new"), at("edition.so"));
  }
  Program& start() {
    program_ = std::make_unique<Program>(std::vector<std::string>{"run"}, environment());
    EXPECT_TRUE(program_->says("plugins loaded")) << program_->err();
    return *program_;
  }
  ::testing::AssertionResult begins(const std::string& edition,
                                    std::vector<std::string> options = {"--for", "1h"}) {
    put(edition);
    options.insert(options.begin(), {"reload", "--canary", "50%"});
    const std::size_t before = program_->said("canary began");
    const Ended asked = sluice(options);
    if (asked.code != 0) return ::testing::AssertionFailure() << asked.err;
    if (eventually([&] { return program_->said("canary began") > before; }))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << program_->err();
  }
  /// Inserts that many jobs with ids of their own.
  void feed(int jobs) {
    for (int i = 0; i < jobs; ++i) insert("fed-" + std::to_string(++fed_), "test.edition", payload());
  }
  std::string payload() const { return R"({"file":")" + scratch.path("ran") + "\"}"; }
  bool all_done() {
    return eventually([&] { return count("status <> 'done'") == "0"; });
  }
  /// The number of jobs that a version finished.
  std::size_t ran_by(const std::string& version) const {
    const std::string lines = scratch.read("ran");
    const std::string mark = " " + version + " ";
    std::size_t found = 0;
    for (auto at = lines.find(mark); at != std::string::npos; at = lines.find(mark, at + 1)) ++found;
    return found;
  }
  /// What `sluice status` says of the plugin, once it mentions `words`.
  bool status_says(const std::string& words) {
    return eventually([&] { return sluice({"status"}).out.find(words) != std::string::npos; });
  }

  std::unique_ptr<Program> program_;
  int fed_ = 0;
};

TEST_F(CanaryRun, AGoodVersionIsPromoted) {
  start();
  put("edition_2");
  Program command({"reload", "--canary", "50%", "--for", "5s", "--min-jobs", "5", "--wait"}, environment());
  ASSERT_TRUE(program_->says("canary began: version 2.0.0 has 50 % of the jobs")) << program_->err();
  feed(60);
  EXPECT_EQ(command.wait(), 0) << command.out() << command.err();
  EXPECT_NE(command.out().find("edition  2.0.0             1  canary"), std::string::npos) << command.out();
  EXPECT_NE(command.out().find("edition  2.0.0             2  replaced"), std::string::npos) << command.out();
  EXPECT_TRUE(program_->says("canary promoted: version 2.0.0 failed 0 of")) << program_->err();
  EXPECT_TRUE(all_done());
  EXPECT_GT(ran_by("1.0.0"), 10U);
  EXPECT_GT(ran_by("2.0.0"), 10U);
  const std::size_t before = ran_by("1.0.0");
  feed(20);
  EXPECT_TRUE(all_done());
  EXPECT_EQ(ran_by("1.0.0"), before);
  EXPECT_EQ(count("attempts = 1"), "80");
}

TEST_F(CanaryRun, AFailingVersionGoesBackAndNoJobIsLost) {
  start();
  ASSERT_TRUE(begins("edition_fails"));
  feed(80);
  EXPECT_TRUE(program_->says("canary went back: version 2.1.0 failed")) << program_->err();
  EXPECT_TRUE(all_done()) << program_->err();
  EXPECT_EQ(ran_by("1.0.0"), 80U);
  EXPECT_TRUE(status_says("went back to version 1.0.0"));
}

TEST_F(CanaryRun, ACrashingVersionGoesBackAndInnocentJobsAreNotCharged) {
  start();
  ASSERT_TRUE(begins("edition_crashes"));
  EXPECT_TRUE(eventually([&] {
    feed(10);
    return program_->said("canary went back: version 2.2.0 crashed") == 1;
  })) << program_->err();
  EXPECT_TRUE(all_done()) << program_->err();
  EXPECT_EQ(count("attempts > 1 AND id NOT LIKE '%7'"), "0");
  EXPECT_EQ(count("attempts > 2"), "0");
  EXPECT_NE(count("attempts > 1"), "0");
}

TEST_F(CanaryRun, ASlowVersionGoesBack) {
  start();
  ASSERT_TRUE(begins("edition_slow"));
  feed(300);
  EXPECT_TRUE(program_->says("jobs of version 2.4.0 took much longer than 95 %")) << program_->err();
  EXPECT_TRUE(all_done());
  EXPECT_EQ(count("attempts = 1"), "300");
}

TEST_F(CanaryRun, WithTooFewJobsItGoesBack) {
  start();
  ASSERT_TRUE(begins("edition_2", {"--for", "1s", "--min-jobs", "1000"}));
  feed(10);
  EXPECT_TRUE(program_->says("and at least 1,000 were asked for")) << program_->err();
  EXPECT_TRUE(all_done());
}

TEST_F(CanaryRun, IsShownAndCanBePromotedByHand) {
  start();
  ASSERT_TRUE(begins("edition_2"));
  EXPECT_TRUE(status_says("canary: version 2.0.0 has 50 % of the jobs; version 2.0.0 failed"));
  const Ended promoted = sluice({"reload", "--promote", "--wait"});
  EXPECT_EQ(promoted.code, 0) << promoted.err;
  EXPECT_NE(promoted.out.find("2  replaced"), std::string::npos) << promoted.out;
  EXPECT_NE(program_->err().find("this was decided by hand"), std::string::npos) << program_->err();
  insert("added", "test.added", payload());
  EXPECT_TRUE(becomes("added", "done"));
}

TEST_F(CanaryRun, WhatWentBackIsNotTriedAgainByAPlainReload) {
  start();
  ASSERT_TRUE(begins("edition_2"));
  const Ended aborted = sluice({"reload", "--abort", "--wait"});
  EXPECT_EQ(aborted.code, 1);
  EXPECT_NE(aborted.out.find("generation 1 continues"), std::string::npos) << aborted.out;
  const Ended plain = sluice({"reload", "--wait"});
  EXPECT_EQ(plain.code, 1);
  EXPECT_NE(plain.out.find("went back to version 1.0.0"), std::string::npos) << plain.out;
  feed(20);
  EXPECT_TRUE(all_done());
  EXPECT_EQ(ran_by("1.0.0"), 20U);
  const Ended promoted = sluice({"reload", "--promote", "--wait"});
  EXPECT_EQ(promoted.code, 0) << promoted.out << promoted.err;
  EXPECT_NE(promoted.out.find("edition  2.0.0             2  replaced"), std::string::npos) << promoted.out;
}

TEST_F(CanaryRun, ANewFileIsTriedAfterAnotherWentBack) {
  start();
  ASSERT_TRUE(begins("edition_fails"));
  EXPECT_EQ(sluice({"reload", "--abort", "--wait"}).code, 1);
  put("edition_2");
  const Ended plain = sluice({"reload", "--wait"});
  EXPECT_EQ(plain.code, 0) << plain.out << plain.err;
  feed(10);
  EXPECT_TRUE(all_done());
  EXPECT_EQ(ran_by("2.0.0"), 10U);
}

TEST_F(CanaryRun, RefusesAnotherReloadUntilItIsDecided) {
  Program& program = start();
  ASSERT_TRUE(begins("edition_2"));
  program.signal(SIGHUP);
  EXPECT_TRUE(program.says("a canary is under way, edition: version 2.0.0 has 50 % of the jobs"))
      << program.err();
  const Ended second = sluice({"reload", "--canary", "5%", "--wait"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.out.find("decide it with sluice reload --promote or --abort"), std::string::npos)
      << second.out;
}

TEST_F(CanaryRun, WaitsForItsOwnCanaryThoughOthersAreRefusedMeanwhile) {
  start();
  put("edition_2");
  Program command({"reload", "--canary", "50%", "--for", "1h", "--wait"}, environment());
  ASSERT_TRUE(program_->says("canary began")) << program_->err();
  EXPECT_EQ(sluice({"reload", "--wait"}).code, 1);
  EXPECT_EQ(sluice({"reload", "--promote", "--wait"}).code, 0);
  EXPECT_EQ(command.wait(), 0) << command.out() << command.err();
  EXPECT_EQ(command.out().find("is under way"), std::string::npos) << command.out();
  EXPECT_NE(command.out().find("replaced"), std::string::npos) << command.out();
}

/// The new version has few jobs of each batch, and as many slots, so its failures come first.
TEST_F(CanaryRun, AVersionThatFailsAsOftenIsNotBlamed) {
  config = scratch.write("once.toml", "[retry]\nmax_attempts = 1\n[runtime]\npoll_interval = \"20ms\"\n");
  start();
  put("edition_fails");
  Program command({"reload", "--canary", "20%", "--for", "5s", "--min-jobs", "50", "--wait"}, environment());
  ASSERT_TRUE(program_->says("canary began")) << program_->err();
  insert_many(2000, "test.edition", "{}");  // no version can do such jobs
  EXPECT_TRUE(program_->says("canary promoted: version 2.1.0 failed ")) << program_->err();
  EXPECT_EQ(command.wait(), 0) << command.out() << command.err();
  EXPECT_TRUE(eventually([&] { return count("status = 'error'") == "2000"; }));
}

TEST_F(CanaryRun, TypesThatOnlyTheNewVersionServesWait) {
  start();
  ASSERT_TRUE(begins("edition_2"));
  insert("added", "test.added", payload());
  feed(20);
  EXPECT_TRUE(eventually([&] { return count("status = 'done'") == "20"; })) << program_->err();
  EXPECT_EQ(status("added"), "pending");
  EXPECT_EQ(sluice({"reload", "--promote"}).code, 0);
  EXPECT_TRUE(becomes("added", "done"));
}

TEST_F(CanaryRun, AStopEndsBothVersions) {
  Program& program = start();
  put("edition_2");
  Program command({"reload", "--canary", "50%", "--for", "1h", "--wait"}, environment());
  ASSERT_TRUE(program.says("canary began")) << program.err();
  feed(20);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0) << program.err();
  EXPECT_EQ(command.wait(), 1);
  EXPECT_NE(command.out().find("sluice is stopping"), std::string::npos) << command.out() << command.err();
  EXPECT_EQ(count("status NOT IN ('done', 'pending')"), "0");
  EXPECT_EQ(count("attempts > 1"), "0");
}

TEST_F(CanaryRun, RefusesImpossibleOptions) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{"--canary", "5"}, "invalid share '5'"},
      {{"--canary", "60%"}, "invalid share '60%'"},
      {{"--canary", "5%", "--for", "soon"}, "invalid duration 'soon'"},
      {{"--canary", "5%", "--abort"}, "exclude each other"},
      {{"--for", "1m"}, "give --canary too"}};
  for (auto [options, words] : wrong) {
    options.insert(options.begin(), "reload");
    const Ended refused = sluice(options);
    EXPECT_EQ(refused.code, 2) << words;
    EXPECT_NE(refused.err.find(words), std::string::npos) << refused.err;
  }
}

TEST_F(CanaryRun, WithoutACanaryThereIsNothingToDecide) {
  start();
  for (const char* option : {"--promote", "--abort"}) {
    const Ended refused = sluice({"reload", option, "--wait"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.out.find("there is no canary to"), std::string::npos) << refused.out << refused.err;
  }
}

}  // namespace
}  // namespace sluice::test
