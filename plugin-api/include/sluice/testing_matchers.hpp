// GoogleTest matchers for tests of handlers, over <sluice/testing.hpp>. Needs GoogleMock, which comes with
// GoogleTest; link GTest::gmock_main.
//
//   using namespace sluice::testing;
//   FakeJob job(R"({"to": "nobody"})");
//   EXPECT_THAT(job.run(send), Fails("bad-address", ::testing::HasSubstr("no @")));
//   EXPECT_THAT(job, Logged("sending", {{"to", "nobody"}}));
//   EXPECT_THAT(job, Enqueued("email.report", R"({"id":7})"));
//
// Wherever a text is expected, a matcher may be used instead. A mismatch prints the outcome, or what the job
// recorded.
#pragma once

#include <gmock/gmock.h>
#include <sluice/testing.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace sluice::testing {

// ---- Outcomes

using OutcomeMatcher = ::testing::Matcher<const Outcome&>;
using TextMatcher = ::testing::Matcher<const std::string&>;

namespace matching {

inline const char* result_name(std::int32_t result) {
  switch (result) {
    case SLUICE_DONE:
      return "done";
    case SLUICE_RETRY:
      return "retry";
    case SLUICE_FAIL:
      return "fail";
    case SLUICE_SNOOZE:
      return "snooze";
    case SLUICE_CANCELLED:
      return "cancelled";
    default:
      return "an unknown result";
  }
}

inline OutcomeMatcher result_is(std::int32_t result) {
  return ::testing::Field("result", &Outcome::result, result);
}
inline OutcomeMatcher failure(std::int32_t result, const TextMatcher& code, const TextMatcher& error) {
  return ::testing::AllOf(result_is(result), ::testing::Field("code", &Outcome::code, code),
                          ::testing::Field("error", &Outcome::error, error));
}

}  // namespace matching

inline OutcomeMatcher IsDone() {
  return matching::result_is(SLUICE_DONE);
}
/// Done, with this output.
inline OutcomeMatcher IsDoneWith(const TextMatcher& output) {
  return ::testing::AllOf(IsDone(),
                          ::testing::Field("output", &Outcome::output, ::testing::Optional(output)));
}
/// The job failed and may succeed later.
inline OutcomeMatcher Retries(const TextMatcher& code = ::testing::_,
                              const TextMatcher& error = ::testing::_) {
  return matching::failure(SLUICE_RETRY, code, error);
}
/// The job failed for good.
inline OutcomeMatcher Fails(const TextMatcher& code = ::testing::_, const TextMatcher& error = ::testing::_) {
  return matching::failure(SLUICE_FAIL, code, error);
}
/// The job stopped because it was asked to.
inline OutcomeMatcher IsCancelled() {
  return matching::result_is(SLUICE_CANCELLED);
}
/// With a delay that the handler set, for a retry or a snooze.
inline OutcomeMatcher After(std::chrono::microseconds delay) {
  return ::testing::Field("delay", &Outcome::delay, ::testing::Optional(delay));
}
/// It is too early for the job, which runs again after `delay`.
inline OutcomeMatcher Snoozes(std::chrono::microseconds delay) {
  return ::testing::AllOf(matching::result_is(SLUICE_SNOOZE), After(delay));
}

// ---- What a job recorded

using JobMatcher = ::testing::Matcher<const FakeJob&>;

/// A line with that message, and with at least these fields.
inline JobMatcher Logged(const TextMatcher& message, const std::map<std::string, std::string>& fields = {}) {
  std::vector<::testing::Matcher<const std::map<std::string, std::string>&>> each;
  for (const auto& [key, value] : fields) each.push_back(::testing::Contains(::testing::Pair(key, value)));
  return ::testing::Property("logs", &FakeJob::logs,
                             ::testing::Contains(::testing::AllOf(
                                 ::testing::Field("message", &LogLine::message, message),
                                 ::testing::Field("fields", &LogLine::fields, ::testing::AllOfArray(each)))));
}

/// A follow-up job with that type.
inline JobMatcher Enqueued(const TextMatcher& type, const TextMatcher& payload = ::testing::_) {
  return ::testing::Property(
      "follow_ups", &FakeJob::follow_ups,
      ::testing::Contains(::testing::AllOf(::testing::Field("type", &FollowUp::type, type),
                                           ::testing::Field("payload", &FollowUp::payload, payload))));
}
inline JobMatcher EnqueuedNothing() {
  return ::testing::Property("follow_ups", &FakeJob::follow_ups, ::testing::IsEmpty());
}

/// An SQL statement, with any parameters.
inline JobMatcher Executed(const TextMatcher& sql) {
  return ::testing::Property("effects", &FakeJob::effects,
                             ::testing::Contains(::testing::Field("sql", &Effect::sql, sql)));
}
/// An SQL statement with exactly these parameters; nullopt is NULL.
inline JobMatcher Executed(const TextMatcher& sql,
                           const std::vector<std::optional<std::string>>& parameters) {
  return ::testing::Property(
      "effects", &FakeJob::effects,
      ::testing::Contains(::testing::AllOf(::testing::Field("sql", &Effect::sql, sql),
                                           ::testing::Field("parameters", &Effect::parameters, parameters))));
}
inline JobMatcher ExecutedNothing() {
  return ::testing::Property("effects", &FakeJob::effects, ::testing::IsEmpty());
}

// ---- How they are printed

inline void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << matching::result_name(outcome.result);
  if (!outcome.code.empty()) *out << ", code " << outcome.code;
  if (!outcome.error.empty()) *out << ", error \"" << outcome.error << '"';
  if (outcome.delay) *out << ", after " << outcome.delay->count() << " us";
  if (outcome.output) *out << ", output " << *outcome.output;
}
inline void PrintTo(const LogLine& line, std::ostream* out) {
  *out << '"' << line.message << '"';
  for (const auto& [key, value] : line.fields) *out << ' ' << key << '=' << value;
}
inline void PrintTo(const FollowUp& job, std::ostream* out) {
  *out << job.type << ' ' << job.payload << " in " << job.delay.count() << " us";
  if (!job.unique_key.empty()) *out << ", unique as " << job.unique_key;
}
inline void PrintTo(const Effect& effect, std::ostream* out) {
  *out << effect.sql;
  for (const auto& value : effect.parameters) *out << " | " << (value ? *value : "NULL");
}
inline void PrintTo(const FakeJob& job, std::ostream* out) {
  *out << "a job that logged " << ::testing::PrintToString(job.logs()) << ", enqueued "
       << ::testing::PrintToString(job.follow_ups()) << " and executed "
       << ::testing::PrintToString(job.effects());
}

}  // namespace sluice::testing
