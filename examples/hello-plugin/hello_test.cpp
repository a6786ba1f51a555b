// The handler without a runtime: no database, no process.
#include <gtest/gtest.h>
#include <sluice/testing.hpp>

#include "example.json.h"

extern "C" const sluice_plugin sluice_plugin_v1;

namespace {

using sluice::testing::FakeJob;
using sluice::testing::Outcome;

/// The plugin as a host would start it, with one handler.
class Plugin : public ::testing::Test {
 protected:
  ~Plugin() override {
    if (self != nullptr) sluice_plugin_v1.shutdown(self);
  }
  Outcome run(FakeJob& job, std::string_view config = "{}") {
    EXPECT_EQ(sluice_plugin_v1.init(&host.raw(), {config.data(), config.size()}, &self), 0) << host.error();
    return job.run(*sluice_plugin_v1.job_types[0], self);
  }

  sluice::testing::FakeHost host;
  void* self = nullptr;
};

TEST_F(Plugin, GreetsThePersonOfTheExample) {
  FakeJob job(example_json);
  const Outcome outcome = run(job);
  EXPECT_EQ(outcome.result, SLUICE_DONE) << outcome.error;
  EXPECT_EQ(job.logs().at(0).message, "Hello");
  EXPECT_EQ(job.logs().at(0).fields.at("name"), "Ada");
}

TEST_F(Plugin, GreetsAsConfigured) {
  FakeJob job(example_json);
  run(job, R"({"greeting": "Good morning"})");
  EXPECT_EQ(job.logs().at(0).message, "Good morning");
}

TEST_F(Plugin, FailsForGoodWithoutAName) {
  FakeJob job(R"({"name": 1})");
  const Outcome outcome = run(job);
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.error, "payload /name: expected a string, found a number");
}

TEST_F(Plugin, StopsWhenItIsCancelled) {
  FakeJob job(example_json);
  job.cancel();
  EXPECT_EQ(run(job).result, SLUICE_CANCELLED);
  EXPECT_TRUE(job.logs().empty());
}

}  // namespace
