#include "engine/watch/statement_times.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "store/memory_store.hpp"

namespace sluice::engine {
namespace {

struct Times : testing::Test {
  std::uint64_t calls(const std::string& statement) {
    const auto all = times.by_statement();
    const auto found = all.find(statement);
    if (found == all.end()) return 0;
    const auto& counts = found->second.seconds.counts();
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }

  store::MemoryStore memory;
  StatementTimes times;
  TimedStore timed{memory, times};
};

TEST_F(Times, AreMeasuredForEachCallWithoutChangingItsAnswer) {
  memory.put({"a", "noop", "{}", "pending", 1, 1, 0});
  const auto care = timed.care();
  const store::RuntimeId runtime = care->enlist({"host", 1, "1", "run"});
  const auto heart = timed.heart(std::chrono::seconds(1));
  const auto claims = timed.claims(runtime, 0, false);
  EXPECT_EQ(claims->claim({{{"noop"}, 5, {}}}, true).jobs.size(), 1U);
  EXPECT_TRUE(claims->claim({{{"noop"}, 5, {}}}, true).jobs.empty());
  EXPECT_TRUE(heart->beat(runtime));
  EXPECT_EQ(calls("enlist"), 1U);
  EXPECT_EQ(calls("claim"), 2U);
  EXPECT_EQ(calls("beat"), 1U);
  EXPECT_EQ(calls("finish"), 0U);
  EXPECT_TRUE(times.by_statement().at("claim").errors.empty());
}

TEST_F(Times, CountErrorsByKindAndPassThemOn) {
  const auto care = timed.care();
  const store::RuntimeId runtime = care->enlist({"host", 1, "1", "run"});
  const auto heart = timed.heart(std::chrono::seconds(1));
  EXPECT_THROW(timed.claims(runtime + 1, 0, false)->claim({{{"noop"}, 5, {}}}, true), store::Fenced);
  memory.set_available(false);
  EXPECT_THROW(heart->beat(runtime), store::Unavailable);
  EXPECT_THROW(timed.finishes()->living({1}), store::Unavailable);
  const auto all = times.by_statement();
  EXPECT_EQ(all.at("claim").errors.at("fenced"), 1);
  EXPECT_EQ(all.at("beat").errors.at("unavailable"), 1);
  EXPECT_EQ(all.at("living").errors.at("unavailable"), 1);
  EXPECT_EQ(calls("beat"), 1U) << "the time of failed calls counts too";
}

}  // namespace
}  // namespace sluice::engine
