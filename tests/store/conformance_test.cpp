// The behaviour of every store, in PostgreSQL and in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "world.hpp"

namespace sluice::test {
namespace {

using job::Result;
using job::Status;
using std::chrono::seconds;
using Ids = std::vector<std::string>;

constexpr double long_ago = 1'000'000'000;

struct Kind {
  const char* name;
  std::function<std::unique_ptr<World>()> make;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

std::string numbered(const char* prefix, int number) {
  return std::string(prefix).append(std::to_string(number));
}

class Conformance : public testing::TestWithParam<Kind> {
 protected:
  void add(const std::string& id, double created_at = long_ago, const std::string& type = "noop") {
    world_->put({id, type, R"({"a": 1})", "pending", created_at, created_at, 0});
  }
  std::string status(const std::string& id) { return world_->row(id).value().status; }
  int attempts(const std::string& id) { return world_->row(id).value().attempts; }
  store::Claimed claim(int limit = 100) { return claims_->claim(claim_request({"noop"}, limit), true); }
  /// Writes the settlements. Returns the number of those that changed nothing.
  std::size_t settle(const std::vector<job::Settlement>& settlements,
                     const std::vector<std::int64_t>& closing = {}) {
    return finishes_->finish(settlements, closing).size();
  }

  std::unique_ptr<World> world_ = GetParam().make();
  std::unique_ptr<store::CareSession> care_ = world_->store().care();
  std::unique_ptr<store::DeskSession> desk_ = world_->store().desk();
  std::unique_ptr<store::HeartSession> heart_ = world_->store().heart(std::chrono::seconds(5));
  store::RuntimeId runtime_ = care_->enlist(runtime_info());
  std::unique_ptr<store::ClaimSession> claims_ = world_->store().claims(runtime_, 0, false);
  std::unique_ptr<store::FinishSession> finishes_ = world_->store().finishes();
  std::unique_ptr<store::EffectSession> effects_ = world_->store().effects(std::chrono::seconds(10));
};

INSTANTIATE_TEST_SUITE_P(Stores, Conformance,
                         testing::Values(Kind{"Postgres", [] { return std::make_unique<PostgresWorld>(); }},
                                         Kind{"Memory", [] { return std::make_unique<MemoryWorld>(); }}),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST_P(Conformance, ClaimsTheOldestPendingRows) {
  add("b", long_ago + 2);
  add("a", long_ago + 1);
  add("c", long_ago + 3);
  const auto claimed = claim(2);
  ASSERT_EQ(ids_of(claimed), (Ids{"a", "b"}));
  EXPECT_NE(claimed.claim, 0);
  const auto& job = claimed.jobs[0].job;
  EXPECT_EQ(job.type, "noop");
  EXPECT_EQ(job.payload, R"({"a": 1})");
  EXPECT_EQ(job.attempt, 1);
  EXPECT_EQ(job.claim, claimed.claim);
  EXPECT_EQ(job.created_at, long_ago + 1);
}

TEST_P(Conformance, AnEmptyTableGivesNoClaim) {
  const auto claimed = claim();
  EXPECT_EQ(claimed.claim, 0);
  EXPECT_TRUE(claimed.jobs.empty());
}

TEST_P(Conformance, TypesThatAreNotRequestedAreNeverClaimed) {
  add("a", long_ago, "other");
  add("b", long_ago, "Noop");
  EXPECT_TRUE(claim().jobs.empty());
  EXPECT_TRUE(claims_->claim(claim_request({}, 10), true).jobs.empty());
  EXPECT_EQ(status("a"), "pending");
}

TEST_P(Conformance, EachLaneHasItsOwnTypesLimitAndCursor) {
  for (int i = 0; i < 5; ++i) {
    add(numbered("x", i), long_ago + i, "x");
    add(numbered("y", i), long_ago + i, "y");
    add(numbered("z", i), long_ago + i, "z");
  }
  const auto claimed =
      claims_->claim({{{"x"}, 2, {}}, {{"y", "nothing"}, 9, long_ago + 3}, {{"z"}, 0, {}}}, true);
  EXPECT_EQ(ids_of(claimed), (Ids{"x0", "x1", "y3", "y4"}));
  EXPECT_EQ(claimed.jobs[1].lane, 0U);
  EXPECT_EQ(claimed.jobs[2].lane, 1U);
}

TEST_P(Conformance, AClaimEndsWithThePayloadThatFillsItsLanesBytes) {
  for (int i = 0; i < 5; ++i) {
    world_->put({numbered("x", i), "x", R"("12345678")", "pending", long_ago + i, long_ago, 0});  // 10 bytes
    world_->put({numbered("y", i), "y", R"("12345678")", "pending", long_ago + i, long_ago, 0});
  }
  const auto claimed = claims_->claim({{{"x"}, 9, {}, 11}, {{"y"}, 9, {}, 1}}, true);
  EXPECT_EQ(ids_of(claimed), (Ids{"x0", "x1", "y0"}));
  EXPECT_EQ(status("x2"), "pending");
  EXPECT_EQ(ids_of(claims_->claim({{{"x"}, 9, {}, 30}}, true)), (Ids{"x2", "x3", "x4"}));
}

TEST_P(Conformance, EightLanesWork) {
  std::vector<store::LaneRequest> request;
  for (int i = 0; i < 8; ++i) {
    add(numbered("j", i), long_ago, numbered("t", i));
    request.push_back({{numbered("t", i)}, 1, {}});
  }
  const auto claimed = claims_->claim(request, true);
  ASSERT_EQ(claimed.jobs.size(), 8U);
  EXPECT_EQ(claimed.jobs[7].lane, 7U);
  request.push_back({});
  EXPECT_THROW(claims_->claim(request, true), std::invalid_argument);
}

TEST_P(Conformance, AWrongCursorIsNotAnError) {
  add("a");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double cursor : {1e300, 9.3e12, infinity}) {
    auto request = claim_request({"noop"}, 1);
    request[0].cursor = cursor;
    EXPECT_TRUE(claims_->claim(request, true).jobs.empty()) << cursor;
  }
  for (const double cursor : {std::nan(""), -1e300, -2.2e11, -infinity}) {
    auto request = claim_request({"noop"}, 1);
    request[0].cursor = cursor;
    const auto claimed = claims_->claim(request, true);
    ASSERT_EQ(claimed.jobs.size(), 1U) << cursor;
    settle({settlement(claimed.jobs[0].job, Status::pending, Result::released)}, {claimed.claim});
  }
}

TEST_P(Conformance, FinishesTheJobsOfItsClaim) {
  add("a", long_ago);
  add("b", long_ago + 1);
  const auto first = claim(1);
  EXPECT_EQ(settle({settlement(first.jobs[0].job)}, {first.claim}), 0U);
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_EQ(ids_of(claim(1)), Ids{"b"});
}

TEST_P(Conformance, AClaimThatIsNotClosedStillExists) {
  add("a");
  add("b", long_ago + 1);
  const auto claimed = claim();
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}), 0U);
  EXPECT_EQ(settle({settlement(claimed.jobs[1].job)}, {claimed.claim}), 0U);
  EXPECT_EQ(status("b"), "done");
}

TEST_P(Conformance, AClaimWritesNoRowAndExcludesOtherClaims) {
  add("a");
  add("b", long_ago + 1);
  const auto claimed = claim(1);
  ASSERT_EQ(ids_of(claimed), (Ids{"a"}));
  EXPECT_EQ(claimed.jobs[0].job.attempt, 1);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), 0);
  EXPECT_EQ(ids_of(world_->store().claims(runtime_, 1, false)->claim(claim_request({"noop"}, 9), false)),
            (Ids{"b"}));
  EXPECT_TRUE(claim().jobs.empty());
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}, {claimed.claim}), 0U);
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("a"), 1);
}

TEST_P(Conformance, MarkedJobsAreProcessingAndCounted) {
  for (const char* id : {"a", "b", "gone"}) add(id);
  const auto claimed = claim();
  std::vector<job::Ref> jobs;
  for (const auto& one : claimed.jobs) jobs.push_back(one.job);
  ASSERT_EQ(jobs.size(), 3U);
  world_->erase("gone");
  const auto places = finishes_->mark(jobs, {});
  ASSERT_EQ(places.size(), 3U);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    EXPECT_EQ(places[i].empty(), jobs[i].id == "gone") << jobs[i].id;
  EXPECT_EQ(status("a"), "processing");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_TRUE(finishes_->mark({jobs[0]}, {claimed.claim})[0].empty()) << "a job is marked only once";
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_TRUE(claim().jobs.empty()) << "although filled claims are not read";
  std::vector<job::Settlement> done;
  for (const auto& one : claimed.jobs) {
    if (one.job.id != "gone") done.push_back(settlement(one.job));
  }
  EXPECT_EQ(settle(done, {claimed.claim}), 0U);
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(attempts("b"), 1);
}

TEST_P(Conformance, UnmarkedJobsThatAreGivenBackAreNotWritten) {
  add("a");
  add("b", long_ago + 1);
  const auto claimed = claim();
  const double updated = world_->row("a")->updated_at;
  auto released = settlement(claimed.jobs[0].job, Status::pending, Result::released);
  released.refund = true;
  EXPECT_EQ(settle({released}), 0U);
  EXPECT_EQ(world_->row("a")->updated_at, updated);
  EXPECT_EQ(ids_of(claim()), (Ids{"a"})) << "the first claim must not name the job any more";
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}), 1U) << "an outcome of the first claim must not apply";
  EXPECT_EQ(settle({settlement(claimed.jobs[1].job)}, {claimed.claim}), 0U);
}

TEST_P(Conformance, ARowInsertedAgainIsNotTheClaimedOne) {
  add("a");
  const auto claimed = claim();
  world_->erase("a");
  add("a", long_ago + 5);
  EXPECT_TRUE(claim().jobs.empty()) << "the claim still names the id";
  EXPECT_TRUE(finishes_->mark({claimed.jobs[0].job}, {})[0].empty());
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}, {claimed.claim}), 1U);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(ids_of(claim()), (Ids{"a"}));
}

TEST_P(Conformance, ClaimedJobsDoNotCountAsWaiting) {
  add("a");
  add("b", long_ago + 1);
  claim(1);
  const auto report = desk_->report(true);
  ASSERT_EQ(report.waiting.size(), 1U);
  EXPECT_EQ(report.waiting[0].pending, 1);
  ASSERT_EQ(report.counts.size(), 2U);
  EXPECT_EQ(report.counts[0].status, "pending");
  EXPECT_EQ(report.counts[1].status, "processing");
  EXPECT_EQ(desk_->depths(9).at(0).jobs, 1);
  EXPECT_EQ(desk_->depths(9).at(1).status, "processing");
}

TEST_P(Conformance, PrunesOldFinishedJobsOldestFirst) {
  for (int i = 0; i < 5; ++i) {
    add(numbered("old-", i), long_ago + i);
    world_->set_status(numbered("old-", i), "done");
  }
  add("waits", long_ago);
  add("failed", long_ago);
  world_->set_status("failed", "error");
  desk_->enqueue({"noop", "{}", {}, {}});
  const auto prunes = world_->store().prunes("done", std::chrono::hours(1));
  const auto first = prunes->prune(3);
  EXPECT_EQ(first.jobs, 3U);
  EXPECT_FALSE(first.over);
  EXPECT_FALSE(world_->row("old-2"));
  EXPECT_TRUE(world_->row("old-3"));
  const auto second = prunes->prune(3);
  EXPECT_EQ(second.jobs, 2U);
  EXPECT_TRUE(second.over);
  EXPECT_TRUE(world_->row("waits"));
  EXPECT_TRUE(world_->row("failed"));
  add("older still", long_ago - 10);
  world_->set_status("older still", "done");
  EXPECT_EQ(prunes->prune(3).jobs, 1U);
}

TEST_P(Conformance, DoesNotPruneErrorsThatWillBeRetried) {
  add("again");
  add("never");
  const auto claimed = claim();
  ASSERT_EQ(claimed.jobs.size(), 2U);
  auto again = settlement(claimed.jobs[0].job, Status::error, Result::retry);
  again.delay = seconds(3600);
  settle({again, settlement(claimed.jobs[1].job, Status::error, Result::fail)}, {claimed.claim});
  EXPECT_EQ(world_->store().prunes("error", std::chrono::hours(1))->prune(10).jobs, 1U);
  EXPECT_TRUE(world_->row(claimed.jobs[0].job.id));
  EXPECT_FALSE(world_->row(claimed.jobs[1].job.id));
}

TEST_P(Conformance, SettlingTwiceChangesNothing) {
  add("a");
  add("b");
  const auto claimed = claim();
  const auto done = settlement(claimed.jobs[0].job);
  const auto released = settlement(claimed.jobs[1].job, Status::pending, Result::released);
  EXPECT_EQ(settle({done, released}), 0U);
  EXPECT_EQ(settle({done, released}), 2U);
}

TEST_P(Conformance, ARepeatedReleaseDoesNotAffectTheNextClaim) {
  add("a");
  auto other = world_->store().claims(runtime_, 1, false);
  const auto first = claim();
  auto release = settlement(first.jobs[0].job, Status::pending, Result::released);
  release.refund = true;
  settle({release});
  const auto second = other->claim(claim_request({"noop"}, 1), true);
  ASSERT_EQ(second.jobs.size(), 1U);
  EXPECT_EQ(second.jobs[0].job.attempt, 1);
  EXPECT_EQ(settle({release}), 1U);
  EXPECT_TRUE(claim().jobs.empty()) << "the next claim still names the job";
}

TEST_P(Conformance, AnOutcomeOfAnEarlierClaimNeverAppliesToTheNext) {
  for (const bool failed : {false, true}) {
    SCOPED_TRACE(failed);
    add("a");
    const auto first = claim();
    finishes_->mark({first.jobs[0].job}, {first.claim});
    world_->set_status("a", "pending");  // given back by hand while it runs
    const auto second = claim();
    ASSERT_EQ(second.jobs.size(), 1U);
    const auto old =
        failed ? settlement(first.jobs[0].job, Status::error, Result::fail) : settlement(first.jobs[0].job);
    EXPECT_EQ(settle({old}, {first.claim}), 1U);
    EXPECT_EQ(status("a"), "pending");
    EXPECT_EQ(settle({settlement(second.jobs[0].job)}, {second.claim}), 0U);
    EXPECT_EQ(status("a"), "done");
    world_->erase("a");
  }
}

TEST_P(Conformance, AnOutcomeAppliesEvenIfAttemptsWasSetMeanwhile) {
  for (const int attempts : {0, 7}) {
    SCOPED_TRACE(attempts);
    add("a");
    add("b");
    const auto claimed = claim();
    ASSERT_EQ(claimed.jobs.size(), 2U);
    for (const auto& one : claimed.jobs) {
      Row row = world_->row(one.job.id).value();
      row.attempts = attempts;
      world_->put(row);
    }
    EXPECT_EQ(settle({settlement(claimed.jobs[0].job),
                      settlement(claimed.jobs[1].job, Status::error, Result::fail)},
                     {claimed.claim}),
              0U);
    EXPECT_EQ(status(claimed.jobs[0].job.id), "done");
    EXPECT_EQ(status(claimed.jobs[1].job.id), "error");
    world_->erase("a");
    world_->erase("b");
  }
}

TEST_P(Conformance, AWrongClaimOrStatusChangesNothing) {
  add("a");
  const auto job = claim().jobs[0].job;
  auto wrong = settlement(job);
  wrong.claim = job.claim + 1000;
  EXPECT_EQ(settle({wrong}), 1U);
  world_->set_status("a", "cancelled");
  EXPECT_EQ(settle({settlement(job)}), 1U);
  EXPECT_EQ(status("a"), "cancelled");
}

TEST_P(Conformance, AFailureIsRecordedAndRetriedWhenDue) {
  add("a");
  auto failed = settlement(claim().jobs[0].job, Status::error, Result::retry);
  failed.delay = seconds(60);
  failed.outcome.code = "smtp_421";
  failed.outcome.error = "the mail server is busy";
  EXPECT_EQ(settle({failed}, {failed.claim}), 0U);
  EXPECT_EQ(status("a"), "error");
  EXPECT_TRUE(world_->scheduled("a"));
  EXPECT_EQ(care_->promote_due(10).used, 0U);
  EXPECT_NEAR(desk_->report(false).next_due, 60, 5);
  world_->advance(seconds(61));
  EXPECT_EQ(care_->promote_due(10).used, 1U);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_FALSE(world_->scheduled("a"));
  const auto failures = desk_->recent_failures(5);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].id, "a");
  EXPECT_EQ(failures[0].type, "noop");
  EXPECT_EQ(failures[0].attempt, 1);
  EXPECT_EQ(failures[0].result, "retry");
  EXPECT_EQ(failures[0].code, "smtp_421");
  EXPECT_EQ(failures[0].error, "the mail server is busy");
  EXPECT_EQ(claim().jobs.at(0).job.attempt, 2);
}

TEST_P(Conformance, ASnoozeRefundsTheAttemptAndIsNotAFailure) {
  add("a");
  auto snoozed = settlement(claim().jobs[0].job, Status::scheduled, Result::snooze);
  snoozed.refund = true;
  snoozed.delay = seconds(5);
  settle({snoozed}, {snoozed.claim});
  EXPECT_EQ(status("a"), "scheduled");
  EXPECT_EQ(attempts("a"), 0);
  EXPECT_TRUE(desk_->recent_failures(5).empty());
  world_->advance(seconds(6));
  EXPECT_EQ(care_->promote_due(10).used, 1U);
  EXPECT_EQ(status("a"), "pending");
}

TEST_P(Conformance, AnOutputIsKept) {
  add("a");
  auto done = settlement(claim().jobs[0].job);
  done.outcome.output = R"({"sent": true})";
  EXPECT_EQ(settle({done}, {done.claim}), 0U);
  EXPECT_EQ(status("a"), "done");
  EXPECT_EQ(world_->output("a"), R"({"sent": true})");
}

TEST_P(Conformance, AScheduleOfAJobWithAnotherStatusDoesNothing) {
  add("a");
  auto failed = settlement(claim().jobs[0].job, Status::error, Result::retry);
  failed.delay = seconds(1);
  settle({failed}, {failed.claim});
  world_->set_status("a", "done");
  world_->advance(seconds(2));
  EXPECT_EQ(care_->promote_due(10).used, 1U);
  EXPECT_EQ(status("a"), "done");
  EXPECT_FALSE(world_->scheduled("a"));
}

TEST_P(Conformance, PromoteDueObeysItsLimitOldestFirst) {
  for (int i = 0; i < 3; ++i) add(numbered("a", i), long_ago + i);
  std::vector<job::Settlement> failures;
  for (const auto& claimed : claim().jobs) {
    failures.push_back(settlement(claimed.job, Status::error, Result::retry));
    failures.back().delay = seconds(3 - claimed.job.id.back() + '0');
  }
  settle(failures);
  world_->advance(seconds(10));
  EXPECT_EQ(care_->promote_due(2).used, 2U);
  EXPECT_EQ(status("a2"), "pending");
  EXPECT_EQ(status("a1"), "pending");
  EXPECT_EQ(status("a0"), "error");
}

TEST_P(Conformance, LeavingRefundsTheAttemptsOfJobsThatDidNotRun) {
  store::ServedType once{"once", "p", "1", {}};
  once.policy.at_most_once = true;
  care_->serve(runtime_, {{"noop", "p", "1", {}}, once});
  for (const std::string id : {"waited", "ran"}) {
    add(id);
    add("once-" + id, long_ago, "once");
  }
  ASSERT_EQ(claims_->claim(claim_request({"noop", "once"}, 100), true).jobs.size(), 4U);
  care_->leave(runtime_, {{"ran", "once-ran"}, {}});
  for (const std::string id : {"waited", "once-waited"}) {
    EXPECT_EQ(status(id), "pending");
    EXPECT_EQ(attempts(id), 0);
  }
  EXPECT_EQ(status("ran"), "pending");
  EXPECT_EQ(attempts("ran"), 1);
  EXPECT_EQ(status("once-ran"), "error");
  EXPECT_EQ(attempts("once-ran"), 1);
  EXPECT_EQ(desk_->recent_failures(5).size(), 2U);
}

TEST_P(Conformance, SurrenderLeavesOpenJobsToTheRescue) {
  store::ServedType once{"once", "p", "1", {}};
  once.policy.at_most_once = true;
  care_->serve(runtime_, {{"noop", "p", "1", {}}, once});
  add("done");
  add("open");
  add("marked");
  add("once", long_ago, "once");
  const auto claimed = claims_->claim(claim_request({"noop", "once"}, 100), true);
  ASSERT_EQ(claimed.jobs.size(), 4U);
  for (const auto& one : claimed.jobs) {
    if (one.job.id == "done") settle({settlement(one.job)});
    if (one.job.id == "marked") finishes_->mark({one.job}, {});
  }
  ASSERT_EQ(status("marked"), "processing");
  finishes_->surrender({claimed.claim});
  EXPECT_TRUE(finishes_->living({claimed.claim}).empty());
  const auto rescued = care_->rescue({}, {});
  EXPECT_EQ(rescued.runtimes, 0U) << "the runtime itself is alive";
  EXPECT_EQ(rescued.pending, 2U);
  EXPECT_EQ(rescued.error, 1U);
  EXPECT_EQ(status("done"), "done");
  for (const char* id : {"open", "marked"}) {
    EXPECT_EQ(status(id), "pending");
    EXPECT_EQ(attempts(id), 1);
  }
  EXPECT_EQ(status("once"), "error");
  const auto failures = desk_->recent_failures(5);
  ASSERT_EQ(failures.size(), 3U);
  for (const auto& failure : failures) EXPECT_EQ(failure.code, "outcome-lost");
  EXPECT_EQ(desk_->report(false).runtimes.size(), 1U);
  EXPECT_TRUE(heart_->beat(runtime_));
}

TEST_P(Conformance, SurrenderDeletesClaimsWithoutOpenJobs) {
  add("a");
  const auto claimed = claims_->claim(claim_request({"noop"}, 100), true);
  ASSERT_EQ(claimed.jobs.size(), 1U);
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}), 0U);
  finishes_->surrender({claimed.claim});
  EXPECT_TRUE(finishes_->living({claimed.claim}).empty());
  EXPECT_EQ(care_->rescue({}, {}).pending, 0U);
  EXPECT_EQ(desk_->report(false).runtimes.size(), 1U);
  EXPECT_TRUE(desk_->recent_failures(5).empty());
}

TEST_P(Conformance, RescueCountsTheAttemptAndRecordsIt) {
  add("a");
  claim();
  EXPECT_EQ(care_->rescue({}, {}).runtimes, 0U);
  world_->advance(seconds(31));
  const auto rescued = care_->rescue({}, {});
  EXPECT_EQ(rescued.runtimes, 1U);
  EXPECT_EQ(rescued.pending, 1U);
  EXPECT_EQ(rescued.error, 0U);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_FALSE(heart_->beat(runtime_));
  const auto failures = desk_->recent_failures(5);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures[0].code, "runtime-lost");
  EXPECT_EQ(failures[0].error.rfind("runtime lost: test-host", 0), 0U) << failures[0].error;
}

TEST_P(Conformance, RescueEndsJobsByTheirTypesPolicy) {
  add("last", long_ago, "once_only");
  add("once", long_ago + 1, "at_most_once");
  add("more", long_ago + 2, "many");
  add("unknown", long_ago + 3, "unknown");
  job::RetryPolicy one, never, many, fallback;
  one.max_attempts = 1;
  never.at_most_once = true;
  fallback.max_attempts = 1;
  care_->serve(runtime_,
               {{"once_only", "p", "1", one}, {"at_most_once", "p", "1", never}, {"many", "p", "1", many}});
  claims_->claim(claim_request({"once_only", "at_most_once", "many", "unknown"}, 9), true);
  world_->advance(seconds(60));
  const auto rescued = care_->rescue({}, fallback);
  EXPECT_EQ(rescued.error, 3U);
  EXPECT_EQ(rescued.pending, 1U);
  EXPECT_EQ(status("more"), "pending");
  EXPECT_EQ(status("unknown"), "error");
}

TEST_P(Conformance, ARuntimeJudgesNeitherItselfNorOthersBeforeAWholeLease) {
  add("a");
  claim();
  const auto judge = care_->enlist(runtime_info());
  world_->advance(seconds(60));
  EXPECT_EQ(care_->rescue({runtime_, 0}, {}).runtimes, 0U) << "a runtime that is not alive judges no other";
  const double now = heart_->beat(judge).value();
  const auto waits = care_->rescue({judge, now - 20}, {});
  EXPECT_EQ(waits.runtimes, 0U) << "the lease is 30 s";
  EXPECT_EQ(waits.suspected, 1U);
  EXPECT_EQ(attempts("a"), 0);
  const auto rescued = care_->rescue({judge, now - 40}, {});
  EXPECT_EQ(rescued.runtimes, 1U);
  EXPECT_EQ(rescued.suspected, 0U);
  EXPECT_EQ(attempts("a"), 1) << "the job may have run";
  world_->advance(seconds(60));
  EXPECT_EQ(care_->rescue({judge, now - 100}, {}).runtimes, 0U);
  EXPECT_TRUE(world_->store().heart(seconds(5))->beat(judge)) << "the judge must not have judged itself";
}

TEST_P(Conformance, ARuntimeIsAliveForItsOwnLease) {
  auto patient = runtime_info();
  patient.lease = seconds(90);
  const auto long_lease = care_->enlist(patient);
  world_->advance(seconds(60));
  EXPECT_EQ(care_->rescue({}, {}).runtimes, 1U);
  EXPECT_TRUE(heart_->beat(long_lease));
  EXPECT_FALSE(heart_->beat(runtime_));
}

TEST_P(Conformance, ABeatKeepsARuntimeAlive) {
  add("a");
  claim();
  world_->advance(seconds(60));
  EXPECT_TRUE(heart_->beat(runtime_));
  EXPECT_EQ(care_->rescue({}, {}).runtimes, 0U);
  EXPECT_TRUE(claim().jobs.empty());
}

TEST_P(Conformance, AFencedRuntimeChangesNothing) {
  add("a");
  add("b", long_ago + 1);
  const auto claimed = claim(1);
  world_->advance(seconds(60));
  care_->rescue({}, {});
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}, {claimed.claim}), 1U);
  EXPECT_EQ(status("a"), "pending");
  EXPECT_THROW(claim(), store::Fenced);
  EXPECT_EQ(status("b"), "pending");
  world_->erase("a");
  world_->erase("b");
  EXPECT_THROW(claim(), store::Fenced);
}

TEST_P(Conformance, RescueLeavesAJobThatALiveClaimNames) {
  add("a");
  add("b", long_ago + 1);
  const auto old = claim();
  auto released = settlement(old.jobs[0].job, Status::pending, Result::released);
  settle({released});
  world_->advance(seconds(60));
  const auto living = care_->enlist(runtime_info());
  auto other = world_->store().claims(living, 0, false);
  ASSERT_EQ(ids_of(other->claim(claim_request({"noop"}, 1), true)), Ids{"a"});
  EXPECT_EQ(care_->rescue({}, {}).pending, 1U);
  EXPECT_EQ(attempts("a"), 0);
  EXPECT_EQ(attempts("b"), 1);
}

TEST_P(Conformance, LeavingGivesBackJobsWithTheirAttempts) {
  add("a");
  claim();
  care_->leave(runtime_, {});
  EXPECT_EQ(status("a"), "pending");
  EXPECT_EQ(attempts("a"), 0);
  EXPECT_FALSE(heart_->beat(runtime_));
  EXPECT_TRUE(desk_->recent_failures(5).empty());
}

TEST_P(Conformance, ReconcileGivesBackJobsOfUnknownClaims) {
  add("a");
  add("b", long_ago + 1);
  const auto known = claim(1);
  const auto lost = claim(1);
  auto other = world_->store().claims(runtime_, 1, false);
  add("c", long_ago + 2);
  const auto others = other->claim(claim_request({"noop"}, 1), true);
  claims_->reconcile({known.claim, 999999}, known.claim);
  EXPECT_EQ(finishes_->living({known.claim, lost.claim, others.claim, 999999}),
            (std::vector<std::int64_t>{known.claim, others.claim}));
  EXPECT_EQ(ids_of(claim()), Ids{"b"});
  EXPECT_EQ(settle({settlement(lost.jobs[0].job)}), 1U);
  EXPECT_EQ(ids_of(others), Ids{"c"});
}

TEST_P(Conformance, ReconcileSurrendersClaimsThatHadBeenEnded) {
  add("a");
  const auto ended = claim(1);
  claims_->reconcile({}, ended.claim);
  EXPECT_TRUE(finishes_->living({ended.claim}).empty());
  EXPECT_TRUE(claim().jobs.empty()) << "the rescue is to judge the job first";
  EXPECT_EQ(care_->rescue({}, {}).pending, 1U);
  EXPECT_EQ(attempts("a"), 1);
  EXPECT_EQ(ids_of(claim()), Ids{"a"});
}

TEST_P(Conformance, AFollowUpIsCommittedWithItsJobOrNotAtAll) {
  add("a");
  const auto claimed = claim();
  auto settled = settlement(claimed.jobs[0].job);
  settled.outcome.follow_ups = {{"next", R"({"n": 1})", {}, ""}, {"later", "{}", seconds(60), "key"}};
  EXPECT_TRUE(effects_->commit({settled}).empty());
  EXPECT_EQ(status("a"), "done");
  const auto next = claims_->claim(claim_request({"next", "later"}, 9), true);
  ASSERT_EQ(next.jobs.size(), 1U);
  EXPECT_EQ(next.jobs[0].job.payload, R"({"n": 1})");
  const auto again = effects_->commit({settled});
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].why, store::Unwritten::Why::not_ours) << "the job was already settled";
  EXPECT_TRUE(claims_->claim(claim_request({"next"}, 9), true).jobs.empty());
}

TEST_P(Conformance, AFailedEffectAffectsOnlyItsJob) {
  for (const char* id : {"a", "b", "c"}) add(id);
  const auto claimed = claim();
  std::vector<job::Settlement> settlements;
  for (const auto& one : claimed.jobs) {
    settlements.push_back(settlement(one.job));
    settlements.back().role = "nobody";
    settlements.back().outcome.follow_ups = {{"next", "{}", {}, ""}};
  }
  settlements[1].outcome.effects = {{"SELECT 1 / 0", {}}};
  const auto unwritten = effects_->commit(settlements);
  ASSERT_EQ(unwritten.size(), 1U);
  EXPECT_EQ(unwritten[0].index, 1U);
  EXPECT_EQ(unwritten[0].why, store::Unwritten::Why::refused);
  EXPECT_TRUE(unwritten[0].code.starts_with("effect-"));
  EXPECT_EQ(status(settlements[1].id), "pending");
  EXPECT_EQ(claims_->claim(claim_request({"next"}, 9), true).jobs.size(), 2U);
  EXPECT_EQ(settle({settlement(claimed.jobs[1].job, Status::error, Result::retry)}, {claimed.claim}), 0U);
}

TEST_P(Conformance, AJobWithTheLargestAttemptsValueIsStillClaimed) {
  world_->put({"a", "noop", "{}", "pending", long_ago, long_ago, std::numeric_limits<int>::max()});
  const auto claimed = claim();
  ASSERT_EQ(claimed.jobs.size(), 1U);
  EXPECT_EQ(settle({settlement(claimed.jobs[0].job)}, {claimed.claim}), 0U);
}

TEST_P(Conformance, EnqueuesWithACuidShapedId) {
  const auto enqueued = desk_->enqueue({"noop", R"({"n": 1})", {}, {}});
  EXPECT_FALSE(enqueued.existing);
  ASSERT_EQ(enqueued.id.size(), 25U);
  EXPECT_EQ(enqueued.id[0], 'c');
  EXPECT_TRUE(std::all_of(enqueued.id.begin(), enqueued.id.end(),
                          [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }));
  EXPECT_EQ(status(enqueued.id), "pending");
  EXPECT_EQ(ids_of(claim()), Ids{enqueued.id});
}

TEST_P(Conformance, ADelayedJobWaits) {
  const auto enqueued = desk_->enqueue({"noop", "{}", seconds(10), {}});
  EXPECT_EQ(status(enqueued.id), "scheduled");
  EXPECT_TRUE(claim().jobs.empty());
  world_->advance(seconds(11));
  EXPECT_EQ(care_->promote_due(5).used, 1U);
  EXPECT_EQ(ids_of(claim()), Ids{enqueued.id});
}

TEST_P(Conformance, AUniqueKeyNamesOneJobAsLongAsItsRowExists) {
  const auto first = desk_->enqueue({"noop", "{}", {}, "k"});
  const auto second = desk_->enqueue({"noop", "{}", {}, "k"});
  EXPECT_TRUE(second.existing);
  EXPECT_EQ(second.id, first.id);
  world_->erase(first.id);
  const auto third = desk_->enqueue({"noop", "{}", {}, "k"});
  EXPECT_FALSE(third.existing);
  EXPECT_NE(third.id, first.id);
  EXPECT_TRUE(desk_->enqueue({"noop", "{}", {}, "k"}).existing);
  EXPECT_FALSE(desk_->enqueue({"noop", "{}", {}, ""}).existing);
}

TEST_P(Conformance, AnEmptyOrOverlongTypeIsRefused) {
  EXPECT_THROW(desk_->enqueue({"", "{}", {}, {}}), store::Refused);
  EXPECT_THROW(desk_->enqueue({std::string(129, 'x'), "{}", {}, {}}), store::Refused);
  EXPECT_NO_THROW(desk_->enqueue({std::string(128, 'x'), "{}", {}, {}}));
}

TEST_P(Conformance, ReportsCountsWaitingTypesAndRuntimes) {
  add("a");
  add("b", long_ago, "unserved");
  add("c", long_ago + 1);
  care_->serve(runtime_, {{"noop", "plugin", "1.2", {}}});
  claim(1);
  const auto report = desk_->report(false);
  ASSERT_EQ(report.counts.size(), 3U);
  EXPECT_EQ(report.counts[0].type, "noop");
  EXPECT_EQ(report.counts[0].status, "pending");
  EXPECT_EQ(report.counts[0].count, 1);
  EXPECT_EQ(report.counts[1].status, "processing");
  ASSERT_EQ(report.waiting.size(), 2U);
  EXPECT_EQ(report.waiting[0].type, "noop");
  EXPECT_TRUE(report.waiting[0].served);
  EXPECT_EQ(report.waiting[0].plugin, "plugin");
  EXPECT_EQ(report.waiting[0].plugin_version, "1.2");
  EXPECT_GT(report.waiting[0].oldest_pending_age, 1e8);
  EXPECT_FALSE(report.waiting[1].served);
  ASSERT_EQ(report.runtimes.size(), 1U);
  EXPECT_EQ(report.runtimes[0].id, runtime_);
  EXPECT_EQ(report.runtimes[0].claimed, 1);
  EXPECT_EQ(report.runtimes[0].info.pid, 42);
  EXPECT_EQ(report.stuck, 0);
  EXPECT_LT(report.next_due, 0);
  const auto activity = desk_->activity();
  EXPECT_TRUE(activity.counts.empty());
  EXPECT_TRUE(activity.waiting.empty());
  ASSERT_EQ(activity.runtimes.size(), 1U);
  EXPECT_EQ(activity.runtimes[0].claimed, 1);
}

TEST_P(Conformance, CountsUnfinishedJobsByTypeAndStatus) {
  add("a");
  add("b", long_ago + 1);
  add("c", long_ago + 2);
  add("over");
  world_->set_status("over", "done");
  world_->set_status("c", "error");
  const auto depths = desk_->depths(100);
  ASSERT_EQ(depths.size(), 2U);
  EXPECT_EQ(depths[0].type, "noop");
  EXPECT_EQ(depths[0].status, "error");
  EXPECT_EQ(depths[0].jobs, 1);
  EXPECT_EQ(depths[1].status, "pending");
  EXPECT_EQ(depths[1].jobs, 2);
  EXPECT_GT(depths[1].oldest_age, 1e8);
  EXPECT_EQ(desk_->depths(1).at(1).jobs, 1) << "the count is limited";
}

TEST_P(Conformance, ShowsThePluginsThatARuntimePublishedLast) {
  store::PluginReport ready{"/p/a.so",
                            "a",
                            "1.0",
                            "ready",
                            "",
                            2,
                            2,
                            8,
                            0,
                            {"noop", "odd \"{},\\ type"},
                            {"memory 512MB", "tasks 20"}};
  store::PluginReport refused{"/p/b.so", "", "", "refused", "b.so: found 'x'\nand more", 0, 1, 0, 0, {}, {}};
  const auto published = [&] { return desk_->report(false).runtimes.at(0).plugins; };
  EXPECT_TRUE(published().empty());
  care_->publish(runtime_, {ready, refused});
  world_->advance(seconds(60));
  ASSERT_EQ(published().size(), 2U);
  EXPECT_EQ(published()[0].plugin, ready);
  EXPECT_EQ(published()[1].plugin, refused);
  EXPECT_NEAR(published()[0].age, 60, 5);
  ready.hosts = 1;
  care_->publish(runtime_, {ready, refused});
  EXPECT_NEAR(published()[0].age, 60, 5) << "the state has not changed";
  ready.state = "restarting";
  care_->publish(runtime_, {ready});
  ASSERT_EQ(published().size(), 1U);
  EXPECT_EQ(published()[0].plugin, ready);
  EXPECT_NEAR(published()[0].age, 0, 5);
  care_->publish(runtime_ + 1, {ready});
  care_->leave(runtime_, {});
  EXPECT_TRUE(desk_->report(false).runtimes.empty());
}

TEST_P(Conformance, RunningJobsAreShownUntilTheyEnd) {
  for (const char* id : {"a", "b"}) add(id);
  for (const auto& one : claim().jobs) finishes_->mark({one.job}, {});
  const auto shown = [&] { return desk_->report(false).running; };
  care_->show_running(
      runtime_,
      {{{"a", "noop", 1, "p", 42, 10.5, 0.25, "a quarter"}, {"b", "noop", 1, "p", 42, 5, {}, ""}}, {}});
  ASSERT_EQ(shown().size(), 2U);
  EXPECT_EQ(shown()[0].job.id, "a");
  EXPECT_EQ(shown()[0].runtime, runtime_);
  EXPECT_NEAR(shown()[0].job.age, 10.5, 5);
  EXPECT_EQ(shown()[0].job.fraction, 0.25);
  EXPECT_EQ(shown()[0].job.note, "a quarter");
  EXPECT_EQ(shown()[0].job.host_pid, 42);
  EXPECT_FALSE(shown()[1].job.fraction);
  care_->show_running(runtime_, {{{"a", "noop", 1, "p", 42, 11, 0.5, "half"}}, {"b"}});
  ASSERT_EQ(shown().size(), 1U);
  EXPECT_EQ(shown()[0].job.note, "half");
  world_->set_status("a", "done");
  EXPECT_TRUE(shown().empty()) << "although its runtime has not reported the end yet";
  world_->set_status("a", "processing");
  care_->show_running(runtime_ + 1, {{{"b", "noop", 1, "p", 42, 1, {}, ""}}, {}});
  EXPECT_EQ(shown().size(), 1U) << "only jobs of enlisted runtimes are shown";
  care_->leave(runtime_, {});
  EXPECT_TRUE(shown().empty());
}

TEST_P(Conformance, OutcomesAreAddedUpByTypeAndPeriod) {
  EXPECT_TRUE(desk_->report(false).last_hour.empty());
  care_->count({{"x", "1", "done", 3, 1, {}, {}}, {"x", "1", "retrying", 1, 0.5, {}, {}}});
  care_->count({{"y", "", "failed", 2, 0, {}, {}}, {"y", "", "snoozed", 1, 0, {}, {}}});
  care_->count({{"x", "2", "done", 4, 0.25, {}, {}}, {"x", "2", "failed", 1, 0.25, {}, {}}});
  const auto hour = desk_->report(false).last_hour;
  ASSERT_EQ(hour.size(), 2U);
  EXPECT_EQ(hour[0].type, "x");
  EXPECT_EQ(hour[0].done, 7);
  EXPECT_EQ(hour[0].retrying, 1);
  EXPECT_EQ(hour[0].failed, 1);
  EXPECT_NEAR(hour[0].busy, 2, 1e-6);
  EXPECT_EQ(hour[1].failed, 2);
  EXPECT_EQ(hour[1].snoozed, 1);
  world_->advance(seconds(1800));
  EXPECT_TRUE(desk_->report(false).last_minute.empty());
  EXPECT_EQ(desk_->report(false).last_hour.size(), 2U);
  EXPECT_EQ(desk_->aggregate(std::chrono::hours(24)).outcomes.at(0).done, 7);
  world_->advance(std::chrono::hours(49));
  care_->count({{"z", "", "done", 1, 0, {}, {}}});
  const auto all = desk_->aggregate(std::chrono::hours(1000)).outcomes;
  ASSERT_EQ(all.size(), 1U) << "outcomes are added up for two days";
  EXPECT_EQ(all[0].type, "z");
}

TEST_P(Conformance, AnAggregateCountsJobsCreatedSince) {
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  add("old", now - 7200);
  add("new", now - 60);
  add("newer", now - 1, "other");
  world_->set_status("new", "done");
  EXPECT_EQ(desk_->aggregate(std::chrono::hours(1)).created, 2);
  EXPECT_EQ(desk_->aggregate(std::chrono::hours(3)).created, 3);
  EXPECT_FALSE(desk_->aggregate(std::chrono::hours(3)).more);
}

TEST_P(Conformance, OnlyJobsThatNoClaimNamesAreStuck) {
  add("ours");
  claim();
  add("foreign");
  world_->set_status("foreign", "processing");
  world_->advance(seconds(700));
  EXPECT_EQ(desk_->report(false).stuck, 1);
}

TEST_P(Conformance, TidyDeletesOnlyRecordsOfDeletedJobs) {
  for (const char* id : {"a", "b"}) {
    add(id);
    auto failed = settlement(claim().jobs.at(0).job, Status::error, Result::retry);
    failed.delay = seconds(60);
    failed.outcome.output = "1";
    settle({failed}, {failed.claim});
  }
  const auto keyed = desk_->enqueue({"noop", "{}", {}, "k"});
  EXPECT_EQ(care_->tidy(100, keep_audit).deleted, 0U);
  world_->erase("a");
  world_->erase(keyed.id);
  EXPECT_EQ(care_->tidy(100, keep_audit).deleted, 4U);
  EXPECT_EQ(care_->tidy(100, keep_audit).deleted, 0U);
  EXPECT_EQ(desk_->recent_failures(5).size(), 1U);
  EXPECT_TRUE(world_->scheduled("b"));
}

}  // namespace
}  // namespace sluice::test
