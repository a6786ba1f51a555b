// Tests of the handler without a runtime, a database or a process.
#include <gtest/gtest.h>
#include <sluice/testing.hpp>

#include "example.json.h"

extern "C" const sluice_plugin sluice_plugin_v1;

namespace {

using sluice::testing::FakeJob;
using sluice::testing::Outcome;
using sluice::testing::StartedPlugin;

/// Runs the job in a plugin that was started with that configuration. If the plugin refuses to start, the
/// outcome says why.
Outcome run(FakeJob& job, std::string_view config = "{}") {
  return StartedPlugin(sluice_plugin_v1, config).run(job);
}

TEST(Handler, GreetsThePersonOfTheExample) {
  FakeJob job(example_json);
  const Outcome outcome = run(job);
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_EQ(job.logs().at(0).message, "Hello");
  EXPECT_EQ(job.logs().at(0).fields.at("name"), "Ada");
}

TEST(Handler, GreetsAsConfigured) {
  FakeJob job(example_json);
  const Outcome outcome = run(job, R"({"greeting": "Good morning"})");
  ASSERT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_EQ(job.logs().at(0).message, "Good morning");
}

TEST(Handler, FailsForGoodWithoutAName) {
  FakeJob job(R"({"name": 1})");
  const Outcome outcome = run(job);
  EXPECT_EQ(outcome.code, "bad-payload");
  EXPECT_EQ(outcome.error, "payload /name: expected a string, found a number");
}

TEST(Handler, StopsWhenItIsCancelled) {
  FakeJob job(example_json);
  job.cancel();
  const Outcome outcome = run(job);
  EXPECT_EQ(outcome.result, SLUICE_CANCELLED) << outcome.error;
  EXPECT_TRUE(job.logs().empty());
}

}  // namespace
