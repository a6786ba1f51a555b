#include "dashboard/why.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::dashboard {
namespace {

using store::Standing;

/// A job type that is served, in a runtime with two slots, and a pending job of it.
struct Why : testing::Test {
  Why() {
    facts.asked = "a";
    store::TypeOverview type;
    type.type = "email.send";
    type.plugin = "mail";
    type.plugin_version = "1.0.0";
    type.served = true;
    facts.types.push_back(type);
    store::PluginReport plugin;
    plugin.name = "mail";
    plugin.state = "ready";
    plugin.slots = 2;
    plugin.types = {"email.send"};
    store::RuntimeReport runtime;
    runtime.id = 7;
    runtime.plugins.push_back({plugin, 60});
    facts.runtimes.push_back(runtime);
    facts.job.emplace();
    facts.job->job.id = "a";
    facts.job->job.type = "email.send";
    facts.job->plugin = "mail";
    facts.job->max_attempts = 3;
    facts.older.emplace();
    stands(Standing::pending, "pending");
  }
  void stands(Standing standing, const std::string& status) {
    facts.job->state.standing = standing;
    facts.job->state.status = status;
  }
  void fails(const std::string& result, const std::string& code) {
    store::Attempt attempt;
    attempt.number = 2;
    attempt.result = result;
    attempt.code = code;
    attempt.error = "no such host";
    facts.job->attempts.push_back(attempt);
    facts.job->job.failure = attempt;
  }
  void asks_for_type() {
    facts.job.reset();
    facts.older.reset();
    facts.asked = "email.send";
  }
  store::TypeOverview& type() { return facts.types.front(); }
  store::PluginReport& plugin() { return facts.runtimes.front().plugins.front().plugin; }

  /// The names of the checks that are not good.
  std::vector<std::string> bad() const {
    std::vector<std::string> names;
    for (const Check& check : explain(facts).checks) {
      if (!check.good) names.push_back(check.name);
    }
    return names;
  }
  Check check(const std::string& name) const {
    for (const Check& one : explain(facts).checks) {
      if (one.name == name) return one;
    }
    return {"none", "", false, "", ""};
  }

  Facts facts;
};

using Names = std::vector<std::string>;

TEST_F(Why, AllIsGoodWhereAJobWaitsForItsTurn) {
  EXPECT_EQ(bad(), Names{});
  EXPECT_TRUE(explain(facts).good());
  EXPECT_EQ(explain(facts).job, "a");
  EXPECT_EQ(explain(facts).type, "email.send");
}

TEST_F(Why, NothingElseIsCheckedWithoutADatabase) {
  facts.database_problem = "connection refused";
  EXPECT_EQ(bad(), Names{"database"});
  EXPECT_EQ(explain(facts).checks.size(), 1U);
  facts.database_problem.clear();
  facts.schema_problem = "run sluice init";
  EXPECT_EQ(bad(), Names{"schema"});
  EXPECT_EQ(explain(facts).checks.size(), 2U);
}

TEST_F(Why, ALockKeepsTheTablesFromBeingRead) {
  facts.held_up = "could not look at job a: process 4711 (user app, psql) holds a lock";
  EXPECT_EQ(bad(), Names{"locks"});
  EXPECT_NE(check("locks").answer.find("process 4711"), std::string::npos) << check("locks").answer;
  EXPECT_EQ(explain(facts).checks.size(), 3U) << "nothing else is known";
}

TEST_F(Why, TheNameIsUnknown) {
  facts.job.reset();
  facts.asked = "c0ffee";
  EXPECT_EQ(bad(), Names{"found"});
  EXPECT_EQ(check("found").command, "sluice config check");
}

TEST_F(Why, NoRuntimeRuns) {
  facts.runtimes.front().live = false;
  facts.runtimes.front().since_beat = 40;
  type().served = false;
  EXPECT_EQ(bad(), (Names{"runtime", "served"}));
  EXPECT_NE(check("runtime").answer.find("runtime 7"), std::string::npos) << check("runtime").answer;
  EXPECT_EQ(check("runtime").command, "sluice run");
}

TEST_F(Why, TheTypeIsPaused) {
  type().paused = store::Paused{{"", 60}, "ada", "the provider is down"};
  EXPECT_EQ(bad(), Names{"paused"});
  EXPECT_NE(check("paused").answer.find("ada 1 min ago: the provider is down"), std::string::npos)
      << check("paused").answer;
}

TEST_F(Why, ItsPluginIsNotReady) {
  type().served = false;
  for (const char* state : {"refused", "broken", "disabled"}) {
    plugin().state = state;
    plugin().reason = "init failed";
    EXPECT_EQ(bad(), (Names{"plugin", "served"})) << state;
    EXPECT_EQ(check("plugin").command, "sluice reload --wait") << state;
    EXPECT_NE(check("plugin").answer.find(std::string("is ") + state), std::string::npos);
  }
  facts.runtimes.front().plugins.clear();
  EXPECT_EQ(bad(), (Names{"plugin", "served"}));
  EXPECT_EQ(check("plugin").command, "sluice plugin list");
}

TEST_F(Why, AnotherPluginThatIsRefusedDoesNotMatter) {
  store::PluginReport rival;
  rival.path = "/plugins/rival.so";
  rival.state = "refused";
  rival.reason = "declares email.send, which plugin mail serves";
  facts.runtimes.front().plugins.push_back({rival, 60});
  EXPECT_EQ(bad(), Names{});
}

TEST_F(Why, NoPluginHasEverServedTheType) {
  facts.job->job.type = "email.sent";
  EXPECT_EQ(bad(), (Names{"plugin", "served"}));
  EXPECT_NE(check("plugin").answer.find("typo"), std::string::npos);
}

TEST_F(Why, EverySlotIsInUse) {
  store::TypeOverview other = type();
  other.type = "email.list";
  other.processing.count = 1;
  facts.types.push_back(other);
  type().processing.count = 1;
  EXPECT_EQ(bad(), Names{}) << "the other type has another plugin";
  plugin().types.push_back("email.list");
  EXPECT_EQ(bad(), Names{"room"});
}

TEST_F(Why, TheConcurrencyIsReachedInEachRuntime) {
  type().processing.count = 1;
  facts.concurrency = 1;
  EXPECT_EQ(bad(), Names{"room"});
  facts.runtimes.push_back(facts.runtimes.front());
  EXPECT_EQ(bad(), Names{});
  facts.concurrency = 0;
  EXPECT_EQ(bad(), Names{}) << "0 is no limit";
}

TEST_F(Why, OlderJobsComeFirst) {
  facts.older->count = 12;
  EXPECT_EQ(bad(), Names{"order"});
  facts.older->count = 0;
  facts.job->job.created.age = -30;
  EXPECT_EQ(bad(), Names{"order"}) << "the producer's clock is ahead";
}

TEST_F(Why, AnotherSessionHoldsTheRow) {
  facts.blocker = "process 4711 (user app, psql)";
  EXPECT_EQ(bad(), Names{"lock"});
  stands(Standing::done, "done");
  EXPECT_EQ(bad(), Names{}) << "a done job waits for nobody";
}

TEST_F(Why, ItsTimeHasNotCome) {
  stands(Standing::planned, "scheduled");
  facts.job->job.due = store::Moment{"", -60};
  EXPECT_EQ(bad(), Names{"job"});
  EXPECT_EQ(check("job").command, "sluice jobs retry a");
  facts.job->job.due = store::Moment{"", 1};
  EXPECT_EQ(bad(), Names{}) << "it is due";
}

TEST_F(Why, ItIsStuckLostOrForeign) {
  facts.job->state.holder = store::Holder{7, "box", 42, false};
  for (const Standing standing : {Standing::stuck, Standing::lost, Standing::foreign}) {
    stands(standing, "processing");
    EXPECT_EQ(bad(), Names{"job"});
  }
  stands(Standing::running, "processing");
  EXPECT_EQ(bad(), Names{});
}

TEST_F(Why, ItFailed) {
  stands(Standing::failed, "error");
  fails("retry", "timeout");
  EXPECT_EQ(bad(), (Names{"job", "attempt"}));
  EXPECT_EQ(check("attempt").answer, "No: attempt 2 of 3 ended as retry [timeout]: no such host");
  EXPECT_EQ(check("poison").answer, "Yes, none of its attempts crashed.");
}

TEST_F(Why, ItCrashed) {
  stands(Standing::planned, "error");
  facts.job->job.due = store::Moment{"", 1};
  fails("crashed", "host-died");
  EXPECT_EQ(bad(), (Names{"attempt", "poison"}));
  stands(Standing::failed, "error");
  fails("fail", "poison");
  EXPECT_EQ(bad(), (Names{"job", "attempt", "poison"}));
  EXPECT_EQ(check("poison").command, "sluice jobs retry --code poison");
}

TEST_F(Why, ADoneJobNeedsNoRuntime) {
  stands(Standing::done, "done");
  facts.runtimes.clear();
  type().served = false;
  fails("retry", "");
  EXPECT_EQ(bad(), Names{}) << "an attempt after the failed one was done";
}

TEST_F(Why, ATypeIsAskedFor) {
  asks_for_type();
  EXPECT_EQ(bad(), Names{});
  type().pending.count = 3;
  type().oldest_pending = 90;
  EXPECT_EQ(bad(), Names{"queue"});
  type().pending.count = 0;
  type().last_hour.failed = 1;
  EXPECT_EQ(bad(), Names{"outcomes"});
}

TEST_F(Why, ACommandIsQuotedForAShell) {
  facts.job->job.id = "a; rm -rf *";
  stands(Standing::failed, "error");
  EXPECT_EQ(check("job").command, "sluice jobs retry 'a; rm -rf *'");
}

}  // namespace
}  // namespace sluice::dashboard
