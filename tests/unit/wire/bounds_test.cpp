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

TEST(Bounds, KeepFieldsFromForgingALogLine) {
  LogLine line;
  line.fields = {{"list", "[1,\n\t2]\r", true}, {"broken", "1}\n{", true}, {"level", "error", false}};
  keep_bounds(line);
  EXPECT_EQ(line.fields[0].value, "[1,  2] ");
  EXPECT_TRUE(line.fields[0].json);
  EXPECT_FALSE(line.fields[1].json);
  EXPECT_EQ(line.fields[2].key, "level_");
}

TEST(Bounds, OnlyADoneOutcomeRequestsAnything) {
  job::Outcome outcome;
  outcome.result = job::Result::retry;
  outcome.output = "1";
  outcome.follow_ups.push_back({"type", "{}", {}, ""});
  outcome.effects.push_back({"SELECT 1", {}});
  outcome.duration = job::Microseconds::min();
  outcome.delay = job::Microseconds::max();
  keep_bounds(outcome);
  EXPECT_EQ(outcome.output, "");
  EXPECT_FALSE(outcome.effectful());
  EXPECT_EQ(outcome.duration, job::Microseconds(0));
  EXPECT_LT(*outcome.delay, std::chrono::hours(24 * 367 * 100));
}

job::PluginSpec declared() {
  job::PluginSpec plugin;
  plugin.name = "mail";
  plugin.types.resize(1);
  plugin.types[0].name = "mail.send";
  return plugin;
}

TEST(Bounds, TruncateTheTextsOfADescription) {
  job::PluginSpec plugin = declared();
  plugin.version = std::string(1'000'000, 'v') + "\xff";
  plugin.types[0].summary = "\xff";
  plugin.types[0].concurrency = -5;
  plugin.types[0].timeout = job::Microseconds::min();
  keep_bounds(plugin);
  EXPECT_EQ(plugin.version, std::string(longest_words, 'v') + "…");
  EXPECT_EQ(plugin.types[0].summary, "\uFFFD");
  EXPECT_EQ(plugin.types[0].concurrency, 0);
  EXPECT_EQ(plugin.types[0].timeout, job::Microseconds(0));
}

TEST(Bounds, RefuseADescriptionThatNoHostSends) {
  const auto refuses = [](auto spoil) {
    job::PluginSpec plugin = declared();
    spoil(plugin);
    EXPECT_THROW(keep_bounds(plugin), Malformed);
  };
  refuses([](auto& plugin) { plugin.name = "mail\"} 1\nforged"; });
  refuses([](auto& plugin) { plugin.name = std::string(65, 'a'); });
  refuses([](auto& plugin) { plugin.types[0].name = "mail.send\n"; });
  refuses([](auto& plugin) { plugin.types[0].name = ""; });
  refuses([](auto& plugin) { plugin.types.push_back(plugin.types[0]); });
  refuses([](auto& plugin) { plugin.types.clear(); });
  refuses([](auto& plugin) { plugin.types[0].at_most_once = plugin.types[0].brief = true; });
  refuses([](auto& plugin) { plugin.types[0].payload_schema = std::string(longest_output + 1, ' '); });
  refuses([](auto& plugin) { plugin.config_schema = std::string(longest_output + 1, ' '); });
  const std::string deep = R"({"const":)" + std::string(2000, '[') + std::string(2000, ']') + "}";
  refuses([&](auto& plugin) { plugin.types[0].payload_schema = deep; });
  refuses([&](auto& plugin) { plugin.types[0].payload_example = deep; });
  refuses([&](auto& plugin) { plugin.config_schema = deep; });
}

TEST(Bounds, FormatSizes) {
  EXPECT_EQ(byte_words(999), "999 bytes");
  EXPECT_EQ(byte_words(50'000'002), "50.0 MB");
}

}  // namespace
}  // namespace sluice::wire
