// The conclusions that the checks of a plugin draw from values.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "workshop/bad_configs.hpp"
#include "workshop/child.hpp"
#include "workshop/footprint.hpp"

namespace sluice::workshop {
namespace {

std::vector<Footprint> memory(const std::vector<long>& kib) {
  std::vector<Footprint> prints;
  for (const long one : kib) prints.push_back({one, 10, 3});
  return prints;
}

TEST(Footprints, ThatGrowSteadilyAndMuchAreALeak) {
  EXPECT_EQ(judge(memory({5000, 7000, 9000, 11000, 13000}), 500).verdict, Verdict::failed);
  EXPECT_EQ(judge(memory({5000, 7000, 7000, 11000, 13000}), 500).verdict, Verdict::passed)
      << "memory did not grow in every quarter";
  EXPECT_EQ(judge(memory({5000, 5100, 5200, 5300, 5400}), 500).verdict, Verdict::passed)
      << "memory grew too little";
  EXPECT_EQ(judge(memory({9000, 8000, 7000, 6000, 5000}), 500).verdict, Verdict::passed);
}

TEST(Footprints, WithMoreFilesOrThreadsForEachJobAreALeak) {
  std::vector<Footprint> prints = memory({5000, 5000});
  prints.back().descriptors += 400;
  EXPECT_NE(judge(prints, 400).found.find("400 more open files"), std::string::npos);
  prints.back().descriptors = prints.front().descriptors + 5;
  EXPECT_EQ(judge(prints, 400).verdict, Verdict::passed) << "a pool may be filled";
  prints.back().threads += 400;
  EXPECT_NE(judge(prints, 400).found.find("400 more threads"), std::string::npos);
}

TEST(Refusals, AreSplitIntoFindingAndRemedy) {
  const Finding finding = refused("found a file (a; b), expected one; do this; then that");
  EXPECT_EQ(finding.verdict, Verdict::failed);
  EXPECT_EQ(finding.found, "found a file (a; b), expected one");
  EXPECT_EQ(finding.remedy, "do this; then that");
  EXPECT_EQ(refused("broken").found, "broken");
}

TEST(Child, ReportsItsFindingOrHowItEnded) {
  using namespace std::chrono_literals;
  EXPECT_EQ(in_child([] { return passed("well"); }, 30s).found, "well");
  EXPECT_EQ(in_child([]() -> Finding { throw std::runtime_error("found x, expected y; z"); }, 30s).remedy,
            "z");
  EXPECT_NE(in_child([]() -> Finding { std::_Exit(3); }, 30s).found.find("exit status 3"), std::string::npos);
  const Finding hung = in_child(
      []() -> Finding {
        for (;;) std::this_thread::sleep_for(1h);
      },
      50ms);
  EXPECT_EQ(hung.found, "did not end within 50 ms");
}

TEST(BadConfigs, AreAFewDifferentObjects) {
  const auto configs = bad_configs(R"({"type": "object", "properties": {"url": {"type": "string"}}})",
                                   R"({"url": "http://example.com", "size": 3})", 1);
  EXPECT_LE(configs.size(), 12U);
  EXPECT_NE(std::find(configs.begin(), configs.end(), "{}"), configs.end());
  EXPECT_NE(std::find(configs.begin(), configs.end(), R"({"size":3,"url":12345})"), configs.end());
  for (const std::string& config : configs) EXPECT_TRUE(config.starts_with('{')) << config;
}

}  // namespace
}  // namespace sluice::workshop
