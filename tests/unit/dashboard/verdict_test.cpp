#include "dashboard/verdict.hpp"

#include <gmock/gmock.h>

namespace sluice::dashboard {
namespace {

using testing::HasSubstr;

/// A runtime that serves "email.send", of which nothing waits.
struct Verdicts : testing::Test {
  Verdicts() {
    situation.runtimes.emplace_back().id = 7;
    type("email.send").served = true;
  }
  store::TypeOverview& type(const std::string& name, std::int64_t pending = 0) {
    store::TypeOverview& added = situation.types.emplace_back();
    added.type = name;
    added.pending.count = pending;
    return added;
  }
  void ended(const std::string& name, double done, double failed) {
    situation.last_minute.push_back({name, done, 0, failed});
  }
  std::vector<std::string> types() const {
    std::vector<std::string> names;
    for (const Problem& problem : verdict(situation).problems) names.push_back(problem.type);
    return names;
  }

  Situation situation;
};

TEST_F(Verdicts, AreWellIfNothingIsWrong) {
  EXPECT_TRUE(verdict(situation).well);
  ended("email.send", 100, 4);
  EXPECT_TRUE(verdict(situation).well) << "fewer than one in twenty failed";
}

TEST_F(Verdicts, SayThatJobsFailForGoodAndWithWhichCode) {
  ended("email.send", 0, 300);
  store::FailureGroup other;
  other.type = "other";
  other.code = "E1";
  store::FailureGroup group;
  group.type = "email.send";
  group.code = "mailbox-full";
  situation.failures = {other, group};
  const Verdict said = verdict(situation);
  EXPECT_FALSE(said.well);
  EXPECT_EQ(
      said.text,
      "email.send fails: 300 of 300 jobs failed for good in the last minute, most with code mailbox-full");
  EXPECT_EQ(said.problems.front().type, "email.send");
  EXPECT_EQ(said.problems.front().page, "/failures?range=1h");
}

TEST_F(Verdicts, SayThatJobsOfARareTypeFailedInTheLastHour) {
  situation.last_hour.push_back({"email.send", 2, 0, 3});
  EXPECT_THAT(verdict(situation).text, HasSubstr("3 of 5 jobs failed for good in the last hour"));
  situation.last_hour.front().failed = 2;
  EXPECT_TRUE(verdict(situation).well);
  situation.last_hour.front() = {"email.send", 4, 0, 3};
  EXPECT_TRUE(verdict(situation).well) << "less than half failed";
}

TEST_F(Verdicts, OrderProblemsByWeight) {
  type("a.few", 10);
  type("b.many", 4000);
  type("c.slow", 9000).served = true;
  situation.types.back().oldest_pending = 3600;
  ended("email.send", 0, 300);
  situation.stuck = 2;
  EXPECT_EQ(types(), (std::vector<std::string>{"b.many", "email.send", "a.few", "", "c.slow"}));
  situation.unread = {"could not read which jobs run: process 4711 holds a lock"};
  EXPECT_THAT(verdict(situation).text, HasSubstr("process 4711")) << "the rest may be because of that";
}

TEST_F(Verdicts, SayHowManyProblemsTheyLeaveOut) {
  for (int i = 0; i < 1000; ++i) type("t" + std::to_string(i), i + 1);
  const Verdict said = verdict(situation);
  EXPECT_EQ(said.problems.size(), most_problems);
  EXPECT_EQ(said.more, 1000 - most_problems);
  EXPECT_EQ(said.problems.front().type, "t999");
}

TEST_F(Verdicts, AreNeverWellIfSomethingIsNotKnown) {
  situation.runtimes.clear();
  situation.types.clear();
  situation.knows_runtimes = situation.knows_types = false;
  situation.unread = {"could not read the job types: process 4711 holds a lock"};
  const Verdict said = verdict(situation);
  EXPECT_FALSE(said.well);
  EXPECT_EQ(said.text, "Not known: could not read the job types: process 4711 holds a lock");
  EXPECT_EQ(said.problems.size(), 1U) << "whether a runtime runs is not known either";
}

}  // namespace
}  // namespace sluice::dashboard
