// The results and exceptions of a handler, and what they report to the host.
#include <gtest/gtest.h>
#include <sluice/testing.hpp>

#include <new>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;
using sluice::Job;
using sluice::Result;
using sluice::testing::FakeJob;
using sluice::testing::Outcome;

template <class Handler>
Outcome run(Handler handler) {
  return FakeJob().run(handler);
}

TEST(Result, DoneReportsNothingElse) {
  const Outcome outcome = run([](Job&) { return sluice::done(); });
  EXPECT_EQ(outcome.result, SLUICE_DONE);
  EXPECT_EQ(outcome.code, "");
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.delay, std::nullopt);
}

TEST(Result, RetryCarriesCodeMessageAndDelay) {
  const Outcome outcome = run([](Job&) { return sluice::retry("smtp-421", "try later").after(30s); });
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "smtp-421");
  EXPECT_EQ(outcome.error, "try later");
  EXPECT_EQ(outcome.delay, 30s);
}

TEST(Result, RetryWithoutDelayUsesTheTypesBackoff) {
  const Outcome outcome = run([](Job&) { return sluice::retry("busy"); });
  EXPECT_EQ(outcome.error, "busy");
  EXPECT_EQ(outcome.delay, std::nullopt);
}

TEST(Result, AfterAlsoWorksOnAVariable) {
  const Outcome outcome = run([](Job&) {
    Result result = sluice::retry("busy");
    result.after(5ms);
    return result;
  });
  EXPECT_EQ(outcome.delay, 5ms);
}

TEST(Result, FailSnoozeAndCancelled) {
  EXPECT_EQ(run([](Job&) { return sluice::fail("no-such-user", "gone"); }).code, "no-such-user");
  EXPECT_EQ(run([](Job&) { return sluice::fail("gone"); }).result, SLUICE_FAIL);
  const Outcome snoozed = run([](Job&) { return sluice::snooze(5min); });
  EXPECT_EQ(snoozed.result, SLUICE_SNOOZE);
  EXPECT_EQ(snoozed.delay, 5min);
  EXPECT_EQ(run([](Job&) { return sluice::cancelled(); }).result, SLUICE_CANCELLED);
}

TEST(Exception, PermanentErrorIsAFailWithItsCode) {
  const Outcome outcome = run([](Job&) -> Result { throw sluice::PermanentError("bad-address", "no @"); });
  EXPECT_EQ(outcome.result, SLUICE_FAIL);
  EXPECT_EQ(outcome.code, "bad-address");
  EXPECT_EQ(outcome.error, "no @");
}

TEST(Exception, RetryLaterIsARetryWithItsDelay) {
  const Outcome outcome = run([](Job&) -> Result { throw sluice::RetryLater("full", 2min); });
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.error, "full");
  EXPECT_EQ(outcome.delay, 2min);
}

TEST(Exception, AStandardExceptionIsARetryWithItsTypeAndMessage) {
  const Outcome outcome = run([](Job&) -> Result { throw std::out_of_range("index 7"); });
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "exception");
  EXPECT_EQ(outcome.error, "std::out_of_range: index 7");
}

TEST(Exception, AnExceptionOfAnotherTypeIsARetryWithItsType) {
  const Outcome outcome = run([](Job&) -> Result { throw 42; });
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.error, "an exception that is not a std::exception: int");
}

TEST(Exception, BadAllocIsReportedWithoutAllocatingMemory) {
  const Outcome outcome = run([](Job&) -> Result { throw std::bad_alloc(); });
  EXPECT_EQ(outcome.result, SLUICE_RETRY);
  EXPECT_EQ(outcome.code, "out-of-memory");
}

}  // namespace
