#include "job/retry_policy.hpp"

#include <gtest/gtest.h>

namespace sluice::job {
namespace {

using std::chrono::seconds;

constexpr double middle = 0.5;  // the random number for which jitter does not change the delay

Settlement settled(Outcome outcome, int attempt = 1, RetryPolicy policy = {}) {
  Job job;
  job.id = "a";
  job.type = "t";
  job.claim = 7;
  job.attempt = attempt;
  return settle(job, std::move(outcome), policy, middle);
}

Outcome outcome(Result result) {
  Outcome made;
  made.result = result;
  return made;
}

TEST(Backoff, DoublesUpToItsCap) {
  const RetryPolicy policy{10, seconds(10), seconds(60), false};
  EXPECT_EQ(backoff(policy, 1, middle), seconds(10));
  EXPECT_EQ(backoff(policy, 2, middle), seconds(20));
  EXPECT_EQ(backoff(policy, 3, middle), seconds(40));
  EXPECT_EQ(backoff(policy, 4, middle), seconds(60));
  EXPECT_EQ(backoff(policy, 1000, middle), seconds(60));
}

TEST(Backoff, SpreadsByAFifth) {
  const RetryPolicy policy{10, seconds(10), seconds(60), false};
  EXPECT_EQ(backoff(policy, 1, 0), seconds(8));
  EXPECT_GE(backoff(policy, 1, 0.999), std::chrono::milliseconds(11'990));
  EXPECT_LE(backoff(policy, 1, 0.999), seconds(12));
}

TEST(Settle, DoneIsDone) {
  const Settlement settlement = settled(outcome(Result::done));
  EXPECT_EQ(settlement.status, Status::done);
  EXPECT_TRUE(settlement.plain());
  EXPECT_FALSE(settlement.refund);
  EXPECT_FALSE(settlement.delay);
}

TEST(Settle, DoneWithAnOutputIsNotPlainlyDone) {
  Outcome with_output = outcome(Result::done);
  with_output.output = "{}";
  EXPECT_FALSE(settled(with_output).plain());
}

TEST(Settle, ARetryWaitsForTheBackoff) {
  const Settlement settlement = settled(outcome(Result::retry), 2);
  EXPECT_EQ(settlement.status, Status::error);
  EXPECT_EQ(settlement.delay, seconds(20));
}

TEST(Settle, ARetryUsesItsOwnDelay) {
  Outcome own = outcome(Result::retry);
  own.delay = seconds(3);
  EXPECT_EQ(settled(own).delay, seconds(3));
}

TEST(Settle, TheLastAttemptIsNotRetried) {
  const Settlement settlement = settled(outcome(Result::retry), 3);
  EXPECT_EQ(settlement.status, Status::error);
  EXPECT_FALSE(settlement.delay);
}

TEST(Settle, APermanentFailureIsNotRetried) {
  EXPECT_EQ(settled(outcome(Result::fail)).status, Status::error);
  EXPECT_FALSE(settled(outcome(Result::fail)).delay);
}

TEST(Settle, ACrashCountsAsAnAttempt) {
  EXPECT_EQ(settled(outcome(Result::crashed)).delay, seconds(10));
  EXPECT_FALSE(settled(outcome(Result::crashed)).refund);
}

TEST(Settle, ACrashEndsAJobThatRunsAtMostOnce) {
  RetryPolicy once;
  once.at_most_once = true;
  EXPECT_FALSE(settled(outcome(Result::crashed), 1, once).delay);
  EXPECT_TRUE(settled(outcome(Result::retry), 1, once).delay)
      << "the handler knows what it did, so its retry is obeyed";
}

TEST(Settle, AJobCancelledByHandIsNotRetried) {
  Outcome asked = outcome(Result::cancelled);
  asked.cancel_requested = true;
  asked.error = "why";
  const Settlement settlement = settled(asked);
  EXPECT_EQ(settlement.status, Status::error);
  EXPECT_FALSE(settlement.delay);
  EXPECT_EQ(settlement.outcome.error, "why");
  EXPECT_TRUE(settled(outcome(Result::cancelled)).delay) << "nobody requested the cancellation";
}

TEST(Settle, ASnoozeIsScheduledAndRefunded) {
  const Settlement settlement = settled(outcome(Result::snooze), 3);
  EXPECT_EQ(settlement.status, Status::scheduled);
  EXPECT_TRUE(settlement.refund);
  EXPECT_EQ(settlement.delay, seconds(60));
}

TEST(Settle, AJobThatNeverStartedIsGivenBackUnchanged) {
  const Settlement settlement = settled(outcome(Result::released), 3);
  EXPECT_EQ(settlement.status, Status::pending);
  EXPECT_TRUE(settlement.refund);
  EXPECT_FALSE(settlement.delay);
}

}  // namespace
}  // namespace sluice::job
