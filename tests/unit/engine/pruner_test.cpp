#include "engine/care/pruner.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "engine/scripted_store.hpp"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::eventually;

class PrunerTest : public testing::Test {
 protected:
  /// Inserts done jobs that were created in 1970.
  void put(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      const std::string id = "old" + std::to_string(i);
      store_.memory.put({id, "t", "{}", "done", 0, 0, 1});
      last_ = id;
    }
  }
  bool is_empty() {
    return eventually([&] { return !store_.memory.row(last_); });
  }

  test::ScriptedStore store_;
  Outage outage_;
  std::string last_ = "none";
  const std::vector<Retention> retentions_{{"done", hours(1)}};
};

TEST_F(PrunerTest, DeletesBatchByBatchUntilNoneIsOldEnough) {
  put(2500);
  store_.memory.put({"failed", "t", "{}", "error", 0, 0, 1});
  const auto began = Clock::now();
  {
    const Pruner pruner(store_, outage_, retentions_);
    ASSERT_TRUE(store_.came("prune", 3));
  }
  EXPECT_LT(Clock::now() - began, seconds(30)) << "a stop ends the pause of a minute";
  EXPECT_EQ(store_.count("prune"), 3U);
  EXPECT_EQ(store_.calls("prune")[0].number, 1000);
  EXPECT_FALSE(store_.memory.row("old0"));
  EXPECT_FALSE(store_.memory.row("old2499"));
  EXPECT_TRUE(store_.memory.row("failed"));
}

TEST_F(PrunerTest, WaitingForALockIsNotAnOutage) {
  std::optional<Pruner> pruner;
  const test::Gate gate;
  put(1);
  store_.next("prune", test::fails<store::HeldUp>());
  store_.next("prune", test::held(gate));
  pruner.emplace(store_, outage_, retentions_);
  ASSERT_TRUE(gate.reached());
  EXPECT_FALSE(outage_.lasting());
  gate.open();
  EXPECT_TRUE(is_empty());
}

TEST_F(PrunerTest, RepeatsARefusedStatementAndReportsTheEndOfTheOutage) {
  std::optional<Pruner> pruner;
  const test::Gate gate;
  put(1);
  store_.next("prune", test::fails<store::Refused>("no right"));
  store_.next("prune", test::held(gate));
  pruner.emplace(store_, outage_, retentions_);
  ASSERT_TRUE(gate.reached());
  EXPECT_TRUE(outage_.lasting());
  EXPECT_EQ(outage_.reason(), "no right");
  gate.open();
  EXPECT_TRUE(is_empty());
  EXPECT_TRUE(eventually([&] { return !outage_.lasting(); }));
}

TEST_F(PrunerTest, AStopEndsThePruningBetweenTwoBatches) {
  std::optional<Pruner> pruner;
  const test::Gate gate;
  put(2500);
  store_.next("prune", {});
  store_.next("prune", test::held_after(gate));
  pruner.emplace(store_, outage_, retentions_);
  ASSERT_TRUE(gate.reached());
  gate.open();
  pruner.reset();
  EXPECT_LE(store_.count("prune"), 3U);
}

}  // namespace
}  // namespace sluice::engine
