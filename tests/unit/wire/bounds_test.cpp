#include "wire/bounds.hpp"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

TEST(Bounds, TruncateTheTextsOfAnOutcome) {
  job::Outcome outcome;
  outcome.result = job::Result::retry;
  outcome.code = std::string(1'000'000, 'c');
  outcome.error = std::string(1'000'000, 'e') + "\xff";
  outcome.log_tail = "line\xff";
  keep_bounds(outcome);
  EXPECT_EQ(outcome.result, job::Result::retry);
  EXPECT_EQ(outcome.code, std::string(longest_code, 'c') + "…");
  EXPECT_EQ(outcome.error, std::string(longest_error, 'e') + "…");
  EXPECT_EQ(outcome.log_tail, "line\uFFFD");
}

TEST(Bounds, FailAJobWithALargeOutput) {
  job::Outcome outcome;
  outcome.output = std::string(longest_output + 1, '1');
  outcome.log_tail = "said";
  outcome.duration = job::Microseconds(7);
  keep_bounds(outcome);
  EXPECT_EQ(outcome.result, job::Result::fail);
  EXPECT_EQ(outcome.code, "too-large");
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(outcome.log_tail, "said");
  EXPECT_EQ(outcome.duration, job::Microseconds(7));
}

TEST(Bounds, FailAJobThatExceedsAFrame) {
  job::Outcome outcome;
  for (int i = 0; i < 20; ++i) outcome.follow_ups.push_back({"type", std::string(1'000'000, 'p'), {}, ""});
  keep_bounds(outcome);
  EXPECT_EQ(outcome.code, "too-large");
  EXPECT_TRUE(outcome.follow_ups.empty());
}

TEST(Bounds, KeepAnOutcomeWithinTheLimits) {
  job::Outcome outcome;
  outcome.output = std::string(longest_output, '1');
  outcome.follow_ups.push_back({"type", "{}", {}, ""});
  keep_bounds(outcome);
  EXPECT_EQ(outcome.result, job::Result::done);
  EXPECT_EQ(outcome.output.size(), longest_output);
  EXPECT_EQ(outcome.follow_ups.size(), 1U);
}

TEST(Bounds, TruncateALogLineWithItsFields) {
  LogLine line;
  line.message = std::string(1'000'000, 'm');
  line.fields.assign(1000, {"key", "[1]", true});
  keep_bounds(line);
  EXPECT_EQ(line.message, std::string(longest_log_text, 'm') + "…");
  EXPECT_EQ(line.fields.size(), most_log_fields);
  EXPECT_FALSE(line.fields[0].json) << "a truncated value is not JSON any more";
}

TEST(Bounds, FormatSizes) {
  EXPECT_EQ(byte_words(999), "999 bytes");
  EXPECT_EQ(byte_words(50'000'002), "50.0 MB");
}

}  // namespace
}  // namespace sluice::wire
