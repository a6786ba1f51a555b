#include "http/database_watch.hpp"

#include <gtest/gtest.h>

#include "store/memory_store.hpp"

namespace sluice::http {
namespace {

constexpr std::chrono::minutes long_enough{1};
constexpr std::chrono::milliseconds not_at_all{0};

DatabaseWatch::Options intervals(std::chrono::seconds interval) {
  DatabaseWatch::Options options;
  options.schema_interval = options.depth_interval = interval;
  options.depth_share = 0;
  return options;
}

TEST(DatabaseWatch, CountsOnRequest) {
  store::MemoryStore store;
  store.put({"a", "noop", "{}", "pending", 1, 1, 0});
  DatabaseWatch watch(store.desk(), intervals(std::chrono::seconds(0)));
  ASSERT_EQ(watch.depths(long_enough).depths.size(), 1U);
  store.put({"b", "noop", "{}", "pending", 1, 1, 0});
  EXPECT_EQ(watch.depths(long_enough).depths.at(0).jobs, 2);
  EXPECT_TRUE(watch.schema(long_enough).happened);
}

TEST(DatabaseWatch, CountsAtMostOncePerInterval) {
  store::MemoryStore store;
  DatabaseWatch watch(store.desk(), intervals(std::chrono::hours(1)));
  EXPECT_TRUE(watch.depths(long_enough).depths.empty());
  store.put({"a", "noop", "{}", "pending", 1, 1, 0});
  EXPECT_TRUE(watch.depths(long_enough).depths.empty()) << "the previous count is recent enough";
}

TEST(DatabaseWatch, ReportsAnErrorAndTriesAgain) {
  store::MemoryStore store;
  DatabaseWatch watch(store.desk(), intervals(std::chrono::seconds(0)));
  store.set_available(false);
  EXPECT_FALSE(watch.depths(long_enough).problem.empty());
  store.set_available(true);
  EXPECT_EQ(watch.depths(long_enough).problem, "");
}

/// A desk session that answers when the test lets it.
class SlowDesk : public store::DeskSession {
 public:
  explicit SlowDesk(std::shared_ptr<std::mutex> gate) : gate_(std::move(gate)) {}
  std::vector<std::string> init() override { return {}; }
  std::vector<std::string> set_indexes(store::Indexes) override { return {}; }
  void check_schema() override { const std::lock_guard wait(*gate_); }
  store::Enqueued enqueue(const store::EnqueueRequest&) override { return {}; }
  store::Report report(bool) override { return {}; }
  store::Aggregate aggregate(std::chrono::seconds) override { return {}; }
  std::vector<store::QueueDepth> depths(std::size_t) override {
    const std::lock_guard wait(*gate_);
    return {};
  }
  std::vector<store::Failure> recent_failures(std::size_t) override { return {}; }

 private:
  const std::shared_ptr<std::mutex> gate_;  // shared with the test, which outlives it
};

TEST(DatabaseWatch, WaitsNoLongerThanRequested) {
  const auto gate = std::make_shared<std::mutex>();
  DatabaseWatch watch(std::make_unique<SlowDesk>(gate), intervals(std::chrono::seconds(0)));
  {
    const std::lock_guard closed(*gate);
    EXPECT_FALSE(watch.schema(not_at_all).happened);
    EXPECT_FALSE(watch.depths(not_at_all).happened);
  }
  EXPECT_TRUE(watch.schema(long_enough).happened);
  EXPECT_TRUE(watch.depths(long_enough).happened);
}

}  // namespace
}  // namespace sluice::http
