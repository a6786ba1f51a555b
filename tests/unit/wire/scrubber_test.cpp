#include "wire/scrubber.hpp"

#include <gtest/gtest.h>

namespace sluice::wire {
namespace {

std::string scrubbed(const job::Secrets& secrets, std::string text) {
  Scrubber(secrets).scrub(text);
  return text;
}
std::string scrubbed_json(const job::Secrets& secrets, std::string json) {
  Scrubber(secrets).scrub_json(json);
  return json;
}

TEST(Scrubber, ReplacesEachSecretByItsName) {
  const job::Secrets secrets{{"a", "sesame"}, {"b", "open sesame"}};
  EXPECT_EQ(scrubbed(secrets, "open sesame, sesame, Sesame"), "[secret b], [secret a], Sesame");
  EXPECT_EQ(scrubbed({}, "sesame"), "sesame");
}

TEST(Scrubber, LeavesShortSecrets) {
  EXPECT_EQ(scrubbed({{"pin", "12345"}}, "job 12345"), "job 12345");
  EXPECT_EQ(scrubbed({{"pin", "123456"}}, "job 123456"), "job [secret pin]");
}

TEST(Scrubber, FindsEachLineOfASecret) {
  const job::Secrets key{{"key", "first line\r\nsecond line\nok"}};
  EXPECT_EQ(scrubbed(key, "a first line, second line, ok"), "a [secret key], [secret key], ok");
  EXPECT_EQ(scrubbed(key, "first line\r\nsecond line\nok"), "[secret key]");
}

TEST(Scrubber, FindsASecretThatACutEnds) {
  const job::Secrets secrets{{"a", "open sesame"}};
  EXPECT_EQ(scrubbed(secrets, "it is open ses…"), "it is [secret a]…");
  EXPECT_EQ(scrubbed(secrets, "open s…\nopen sesam…\n"), "[secret a]…\n[secret a]…\n");
  EXPECT_EQ(scrubbed(secrets, "it is open …"), "it is open …") << "too little to be sure";
  EXPECT_EQ(scrubbed(secrets, "…"), "…");
}

TEST(Scrubber, KeepsJsonValid) {
  const job::Secrets secrets{{"a", "say \"hi\""}, {"n", "1234567"}};
  EXPECT_EQ(
      scrubbed_json(secrets, R"({"x": ["say \"hi\"", 1234567, -1.50, true, null], "say \u0022hi\"": {}})"),
      R"({"x":["[secret a]","[secret n]",-1.50,true,null],"[secret a]":{}})");
  EXPECT_EQ(scrubbed_json(secrets, R"({"x": 1.50})"), R"({"x": 1.50})") << "unchanged to the byte";
  EXPECT_EQ(scrubbed_json(secrets, "1234567"), R"("[secret n]")");
}

TEST(Scrubber, TakesSecretsOutOfAnOutcome) {
  job::Outcome outcome;
  outcome.code = outcome.error = outcome.log_tail = outcome.stack = "a sesame";
  outcome.output = R"("a sesame")";
  outcome.follow_ups.push_back({"type", R"("sesame")", {}, ""});
  Scrubber(job::Secrets{{"s", "sesame"}}).scrub(outcome);
  for (const std::string& text : {outcome.code, outcome.error, outcome.log_tail, outcome.stack})
    EXPECT_EQ(text, "a [secret s]");
  EXPECT_EQ(outcome.output, R"("a [secret s]")");
  EXPECT_EQ(outcome.follow_ups.front().payload, R"("sesame")") << "the next job needs it";
}

TEST(Scrubber, TakesSecretsOutOfALogLine) {
  LogLine line{2, -1, "a sesame", {{"sesame", "sesame", false}, {"json", R"(["sesame"])", true}}};
  Scrubber(job::Secrets{{"s", "sesame"}}).scrub(line);
  EXPECT_EQ(line.message, "a [secret s]");
  EXPECT_EQ(line.fields[0].key, "[secret s]");
  EXPECT_EQ(line.fields[0].value, "[secret s]");
  EXPECT_EQ(line.fields[1].value, R"(["[secret s]"])");
}

}  // namespace
}  // namespace sluice::wire
