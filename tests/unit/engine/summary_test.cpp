#include "engine/watch/summary.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace sluice::engine {
namespace {

job::Settlement settled(const std::string& type, job::Status status, job::Result result,
                        int milliseconds = 1) {
  job::Settlement settlement;
  settlement.type = type;
  settlement.status = status;
  settlement.outcome.result = result;
  settlement.outcome.duration = std::chrono::milliseconds(milliseconds);
  return settlement;
}

std::uint64_t total(const base::Histogram& histogram) {
  return std::accumulate(histogram.counts().begin(), histogram.counts().end(), std::uint64_t{0});
}

std::shared_ptr<const job::HostFacts> of_version(const std::string& version) {
  return std::make_shared<const job::HostFacts>(job::HostFacts{"plugin", version, "", {}, {}});
}

TEST(Tally, CountsOutcomesByType) {
  Tally tally;
  auto again = settled("a", job::Status::error, job::Result::crashed);
  again.delay = std::chrono::seconds(1);
  tally.count({settled("a", job::Status::done, job::Result::done), again,
               settled("b", job::Status::error, job::Result::fail),
               settled("a", job::Status::scheduled, job::Result::snooze),
               settled("a", job::Status::pending, job::Result::released)});
  const auto types = tally.by_type();
  const TypeSummary& a = types.at("a");
  EXPECT_EQ(a.done, 1);
  EXPECT_EQ(a.retrying, 1);
  EXPECT_EQ(a.failed, 0);
  EXPECT_EQ(a.snoozed, 1);
  EXPECT_EQ(a.released, 1);
  EXPECT_EQ(a.failures.at("crashed"), 1);
  EXPECT_EQ(types.at("b").failed, 1);
  EXPECT_EQ(types.at("b").failures.at("fail"), 1);
}

TEST(Tally, HandsOverWhatItCountedByTypeVersionAndOutcome) {
  Tally tally;
  auto first = settled("a", job::Status::done, job::Result::done, 2);
  first.outcome.host = of_version("1");
  first.outcome.waited = std::chrono::milliseconds(3);
  auto second = first;
  second.outcome.host = of_version("2");
  tally.count({first, second, first, settled("a", job::Status::pending, job::Result::released)});
  tally.count({first});
  auto counts = tally.take_counts();
  ASSERT_EQ(counts.size(), 2U);
  EXPECT_EQ(counts[0].plugin_version, "1");
  EXPECT_EQ(counts[0].outcome, "done");
  EXPECT_EQ(counts[0].count, 3);
  EXPECT_EQ(counts[1].count, 1);
  store::TimeHistogram waits;
  for (int i = 0; i < 3; ++i) waits.add(std::chrono::milliseconds(3));
  EXPECT_EQ(counts[0].waiting, waits);
  EXPECT_TRUE(tally.take_counts().empty());
  tally.count({first});
  EXPECT_EQ(tally.take_counts().at(0).count, 1);
}

TEST(Tally, OmitsJobsThatWereGivenBackFromTheDurations) {
  Tally tally;
  tally.count({settled("a", job::Status::done, job::Result::done, 2000),
               settled("a", job::Status::pending, job::Result::released, 0)});
  const auto types = tally.by_type();
  EXPECT_EQ(total(types.at("a").seconds), 1U);
  EXPECT_DOUBLE_EQ(types.at("a").seconds.sum(), 2);
}

TEST(Tally, CountsBatchesAndEmptyClaims) {
  Tally tally;
  std::vector<store::ClaimedJob> jobs(3);
  jobs[0].job.type = jobs[2].job.type = "a";
  jobs[1].job.type = "b";
  tally.claimed(jobs);
  tally.claimed({});
  tally.count({});
  EXPECT_EQ(tally.by_type().at("a").claimed, 2);
  EXPECT_EQ(tally.by_type().at("b").claimed, 1);
  EXPECT_EQ(total(tally.total().claim_sizes), 2U);
  EXPECT_DOUBLE_EQ(tally.total().claim_sizes.sum(), 3);
  EXPECT_EQ(total(tally.total().write_sizes), 0U) << "no outcome was written";
}

TEST(Tally, AddsRescuesUp) {
  Tally tally;
  tally.rescued({1, 5, 2});
  tally.rescued({2, 1, 0});
  const store::Rescued all = tally.total().rescued;
  EXPECT_EQ(all.runtimes, 3U);
  EXPECT_EQ(all.pending, 6U);
  EXPECT_EQ(all.error, 2U);
}

}  // namespace
}  // namespace sluice::engine
