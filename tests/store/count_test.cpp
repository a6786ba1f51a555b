// Counts of a table that is too large to be counted completely.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "world.hpp"

namespace sluice::test {
namespace {

class LargeTable : public testing::Test {
 protected:
  /// A page has only two rows, so that a few rows make a large table.
  LargeTable() {
    world_.database().exec(
        "ALTER TABLE \"Outbox\" SET (autovacuum_enabled = off), ALTER payload SET STORAGE PLAIN");
    world_.database().exec(
        "INSERT INTO \"Outbox\" SELECT 'm' || i, CASE WHEN i % 4 = 0 THEN 'big.b' ELSE 'big.a' END, "
        "to_jsonb(repeat('x', 3700)), CASE WHEN i % 4 = 2 THEN 'pending' ELSE 'done' END, timestamp "
        "'2026-01-01' + i * interval '1 s', now(), 0 "
        "FROM generate_series(1, 18000) i");
    add(30, "big.a", "error");
    add(20, "rare", "done");
    add(10, "rare", "pending");
  }
  void add(int count, const std::string& type, const std::string& status) {
    world_.fill(count, type, status, type + status);
  }
  std::map<std::string, std::int64_t> counts(bool exact) {
    report_ = world_.store().desk()->report(exact);
    std::map<std::string, std::int64_t> counts;
    for (const auto& one : report_.counts) {
      counts[one.type + " " + one.status + (one.estimated ? " ~" : "")] = one.count;
    }
    return counts;
  }

  PostgresWorld world_;
  store::Report report_;
};

TEST_F(LargeTable, IsCountedIfThatIsCheapAndEstimatedOtherwise) {
  for (const store::Indexes indexes : {store::Indexes::guide, store::Indexes::lean}) {
    world_.store().desk()->set_indexes(indexes);
    auto found = counts(false);
    EXPECT_EQ(found["big.a error"], 30);
    EXPECT_NEAR(static_cast<double>(found["big.a done ~"]), 9000, 2000);
    EXPECT_NEAR(static_cast<double>(found["big.a pending ~"]), 4500, 1500);
    EXPECT_NEAR(static_cast<double>(found["big.b done ~"]), 4500, 1500);
    ASSERT_FALSE(report_.waiting.empty());
    EXPECT_EQ(report_.waiting[0].type, "big.a");
    EXPECT_TRUE(report_.waiting[0].estimated);
    EXPECT_TRUE(std::isfinite(report_.waiting[0].oldest_pending_age));
    if (indexes == store::Indexes::lean) continue;
    EXPECT_EQ(found["rare done"], 20) << "a type with few jobs is counted exactly";
    EXPECT_EQ(found["rare pending"], 10) << "a rare type is counted exactly in each status";
    ASSERT_EQ(report_.waiting.size(), 2U);
    EXPECT_FALSE(report_.waiting[1].estimated);
    EXPECT_TRUE(std::isfinite(report_.waiting[1].oldest_pending_age));
  }
}

TEST_F(LargeTable, IsCountedCompletelyOnRequest) {
  const std::map<std::string, std::int64_t> all{{"big.a done", 9000},    {"big.a error", 30},
                                                {"big.a pending", 4500}, {"big.b done", 4500},
                                                {"rare done", 20},       {"rare pending", 10}};
  EXPECT_EQ(counts(true), all);
}

}  // namespace
}  // namespace sluice::test
