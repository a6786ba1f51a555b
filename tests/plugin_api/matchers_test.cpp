// The matchers of <sluice/testing_matchers.hpp>: each matches only what it names.
#include <gtest/gtest.h>
#include <sluice/testing_matchers.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::Job;
using sluice::Result;
using sluice::testing::FakeJob;
using sluice::testing::Outcome;
using ::testing::HasSubstr;
using ::testing::Not;

Outcome outcome_of(Result (*handler)(Job&)) {
  FakeJob job;
  return job.run(handler);
}

TEST(OutcomeMatchers, MatchDone) {
  const Outcome done = outcome_of([](Job& job) {
    job.output("[1]");
    return sluice::done();
  });
  EXPECT_THAT(done, sluice::testing::IsDone());
  EXPECT_THAT(done, sluice::testing::IsDoneWith("[1]"));
  EXPECT_THAT(done, Not(sluice::testing::IsDoneWith("[2]")));
  EXPECT_THAT(done, Not(sluice::testing::Fails()));
  EXPECT_THAT(outcome_of([](Job&) { return sluice::done(); }), Not(sluice::testing::IsDoneWith("[1]")));
}

TEST(OutcomeMatchers, MatchFailuresByCodeAndText) {
  const Outcome failed = outcome_of([](Job&) { return sluice::fail("smtp-550", "no such user"); });
  EXPECT_THAT(failed, sluice::testing::Fails());
  EXPECT_THAT(failed, sluice::testing::Fails("smtp-550"));
  EXPECT_THAT(failed, sluice::testing::Fails("smtp-550", HasSubstr("such user")));
  EXPECT_THAT(failed, Not(sluice::testing::Fails("smtp-551")));
  EXPECT_THAT(failed, Not(sluice::testing::Fails("smtp-550", HasSubstr("quota"))));
  EXPECT_THAT(failed, Not(sluice::testing::Retries()));
  const Outcome thrown =
      outcome_of([](Job&) -> Result { throw sluice::RetryLater("busy", "try later", 30s); });
  EXPECT_THAT(thrown, sluice::testing::Retries("busy", "try later"));
  EXPECT_THAT(thrown, sluice::testing::After(30s));
  EXPECT_THAT(thrown, Not(sluice::testing::After(31s)));
}

TEST(OutcomeMatchers, MatchSnoozesAndCancellation) {
  const Outcome snoozed = outcome_of([](Job&) { return sluice::snooze(5min); });
  EXPECT_THAT(snoozed, sluice::testing::Snoozes(5min));
  EXPECT_THAT(snoozed, Not(sluice::testing::Snoozes(6min)));
  const auto stops = [](Job& job) { return job.is_cancelled() ? sluice::cancelled() : sluice::done(); };
  FakeJob job;
  EXPECT_THAT(job.run(stops), Not(sluice::testing::IsCancelled()));
  job.cancel();
  EXPECT_THAT(job.run(stops), sluice::testing::IsCancelled());
}

TEST(JobMatchers, MatchTheHandlersRequests) {
  FakeJob job;
  EXPECT_THAT(job, sluice::testing::EnqueuedNothing());
  EXPECT_THAT(job, sluice::testing::ExecutedNothing());
  EXPECT_THAT(job.run([](Job& it) {
    it.log().info("greeting", {{"name", "Ada"}, {"times", 2}});
    it.enqueue({"email.send", R"({"to":"ada@example.com"})"});
    it.execute("DELETE FROM t WHERE id = $1", {7, nullptr});
    return sluice::done();
  }),
              sluice::testing::IsDone());
  EXPECT_THAT(job, sluice::testing::Logged("greeting"));
  EXPECT_THAT(job, sluice::testing::Logged("greeting", {{"name", "Ada"}}));
  EXPECT_THAT(job, Not(sluice::testing::Logged("greeting", {{"name", "Bob"}})));
  EXPECT_THAT(job, Not(sluice::testing::Logged("leaving")));
  EXPECT_THAT(job, sluice::testing::Enqueued("email.send"));
  EXPECT_THAT(job, sluice::testing::Enqueued("email.send", HasSubstr("ada@")));
  EXPECT_THAT(job, Not(sluice::testing::Enqueued("email.send", HasSubstr("bob@"))));
  EXPECT_THAT(job, Not(sluice::testing::EnqueuedNothing()));
  EXPECT_THAT(job, sluice::testing::Executed(HasSubstr("DELETE FROM t")));
  EXPECT_THAT(job, sluice::testing::Executed(HasSubstr("DELETE"), {"7", std::nullopt}));
  EXPECT_THAT(job, Not(sluice::testing::Executed(HasSubstr("DELETE"), {"7"})));
  EXPECT_THAT(job, Not(sluice::testing::ExecutedNothing()));
}

TEST(JobMatchers, PrintTheJobsRecordsOnAMismatch) {
  ::testing::StringMatchResultListener listener;
  const Outcome failed = outcome_of([](Job&) { return sluice::fail("smtp-550", "no such user"); });
  EXPECT_EQ(::testing::PrintToString(failed), "fail, code smtp-550, error \"no such user\"");
  EXPECT_FALSE(::testing::ExplainMatchResult(sluice::testing::IsDone(), failed, &listener));
  EXPECT_THAT(listener.str(), HasSubstr("result"));
}

}  // namespace
