// Claiming and finishing in PostgreSQL: unusual data, unusual settings, other sessions that use the same
// table.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <ctime>
#include <limits>
#include <set>
#include <thread>

#include "postgres/link/table_name.hpp"
#include "postgres/postgres_store.hpp"
#include "postgres/statements.hpp"
#include "world.hpp"

namespace sluice::test {
namespace {

using job::Result;
using job::Status;

constexpr double long_ago = 1'000'000'000;

class Claim : public testing::Test {
 protected:
  store::Claimed claim(int limit = 100) { return claims_->claim(claim_request({"noop"}, limit), true); }
  /// Writes the settlements. Returns the number of those that changed nothing.
  std::size_t settle(const std::vector<job::Settlement>& settlements, std::int64_t closing) {
    return finishes_->finish(settlements, {closing}).size();
  }
  void add(const std::string& id, double created_at = long_ago) {
    world_.put({id, "noop", "{}", "pending", created_at, created_at, 0});
  }
  std::string count(const std::string& where) {
    return world_.database().value("SELECT count(*) FROM \"Outbox\" WHERE " + where);
  }
  void reconnect() {
    claims_ = world_.store().claims(runtime_, 0, false);
    finishes_ = world_.store().finishes();
  }

  PostgresWorld world_;
  std::unique_ptr<store::CareSession> care_ = world_.store().care();
  store::RuntimeId runtime_ = care_->enlist(runtime_info());
  std::unique_ptr<store::ClaimSession> claims_ = world_.store().claims(runtime_, 0, false);
  std::unique_ptr<store::FinishSession> finishes_ = world_.store().finishes();
};

TEST_F(Claim, IdsMayContainAnything) {
  const std::set<std::string> ids{"",  "NULL",  "null", "'",     "\"", "\\", "{}",     "{a,b}", "a,b",
                                  " ", "a b c", "\t",   "%s $1", "😀",  "ü",  "\\\\\"", "--;",   "\x7f"};
  for (const auto& id : ids) add(id);
  const auto exchanged = claim();
  const auto claimed = ids_of(exchanged);
  EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()), ids);
  std::vector<job::Settlement> half;
  for (std::size_t i = 0; i < exchanged.jobs.size(); ++i) {
    half.push_back(settlement(exchanged.jobs[i].job));
    if (i % 2 == 0) continue;
    half.back().status = Status::error;
    half.back().outcome.result = Result::fail;
  }
  EXPECT_EQ(settle(half, exchanged.claim), 0U);
  EXPECT_EQ(count("status = 'processing'"), "0");
}

TEST_F(Claim, FromTheOldestRowFindsAllJobsAfterAndAmongUnservedTypes) {
  world_.fill(3 * postgres::sweep_front, "unserved", "pending", "u");
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>());
  add("behind", 2'000'000'000);
  add("behind it", 2'000'000'001);
  EXPECT_EQ(ids_of(claim()), (std::vector<std::string>{"behind", "behind it"}));
  world_.database().exec(
      "UPDATE \"Outbox\" SET type = 'noop' WHERE id IN ('u2500', 'u4500'); "
      "UPDATE \"Outbox\" SET type = 'noop', \"createdAt\" = timestamp 'infinity' WHERE id = 'u1'");
  EXPECT_EQ(ids_of(claim(1)), std::vector<std::string>{"u2500"});
  EXPECT_EQ(ids_of(claim(1)), std::vector<std::string>{"u4500"});
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"u1"});
  add("with a slow clock", long_ago);
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"with a slow clock"});
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>());
  add("of just now", static_cast<double>(std::time(nullptr)));
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"of just now"});
}

TEST_F(Claim, FromTheOldestRowFindsThemWithLeanIndexes) {
  world_.store().desk()->set_indexes(store::Indexes::lean);
  world_.fill(2 * postgres::sweep_front, "unserved", "pending", "u");
  add("behind", 2'000'000'000);
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"behind"});
}

TEST_F(Claim, EqualCreationTimesAreClaimedOnceEach) {
  world_.database().exec(
      "INSERT INTO \"Outbox\" SELECT 'j' || i, 'noop', '{}', 'pending', timestamp '2026-01-01', now(), 0 "
      "FROM generate_series(1, 5000) i");
  std::set<std::string> seen;
  auto request = claim_request({"noop"}, 700);
  for (int i = 0; i < 20; ++i) {
    const auto exchanged = claims_->claim(request, true);
    if (exchanged.jobs.empty()) break;
    std::vector<job::Settlement> settlements;
    for (const auto& claimed : exchanged.jobs) {
      EXPECT_TRUE(seen.insert(claimed.job.id).second);
      settlements.push_back(settlement(claimed.job));
      request[0].cursor = claimed.job.created_at;
    }
    EXPECT_EQ(settle(settlements, exchanged.claim), 0U);
  }
  EXPECT_EQ(seen.size(), 5000U);
  EXPECT_EQ(count("status = 'done'"), "5000");
}

TEST_F(Claim, CreationTimesMayBeYearsOffOrInfinite) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  add("never", infinity);
  add("always", -infinity);
  add("future", 4e9);
  add("past", -4e9);
  add("end", 9.2e12);
  const auto exchanged = claim();
  ASSERT_EQ(ids_of(exchanged), (std::vector<std::string>{"always", "past", "future", "end", "never"}));
  EXPECT_EQ(exchanged.jobs.front().job.created_at, -infinity);
  EXPECT_EQ(exchanged.jobs.back().job.created_at, infinity);
  EXPECT_EQ(exchanged.jobs[2].job.created_at, 4e9);
  for (const auto& claimed : exchanged.jobs) {
    auto request = claim_request({"noop"}, 1);
    request[0].cursor = claimed.job.created_at;
    EXPECT_NO_THROW(claims_->claim(request, true));
  }
  EXPECT_NO_THROW(world_.store().desk()->report(false));
}

TEST_F(Claim, TheDatabasesTimeZoneAndDateStyleDoNotMatter) {
  auto& database = world_.database();
  database.exec("ALTER DATABASE " + database.name() + " SET timezone = 'Pacific/Kiritimati'");
  database.exec("ALTER DATABASE " + database.name() + " SET datestyle = 'SQL, DMY'");
  database.exec("ALTER DATABASE " + database.name() + " SET intervalstyle = 'iso_8601'");
  database.exec("ALTER DATABASE " + database.name() + " SET extra_float_digits = 0");
  reconnect();
  add("a", 1767225600.123);
  auto request = claim_request({"noop"}, 5);
  request[0].cursor = 1767225600.123;
  auto exchanged = claims_->claim(request, true);
  ASSERT_EQ(exchanged.jobs.size(), 1U);
  EXPECT_EQ(exchanged.jobs[0].job.created_at, 1767225600.123);
  const std::string fresh = "abs(date_part('epoch', now()) - date_part('epoch', \"updatedAt\")) < 60";
  auto failed = settlement(exchanged.jobs[0].job, Status::error, Result::retry);
  failed.delay = std::chrono::seconds(0);
  settle({failed}, exchanged.claim);
  EXPECT_EQ(count(fresh), "1");
  EXPECT_EQ(world_.store().care()->promote_due(1).used, 1U);
  EXPECT_EQ(count(fresh + " AND status = 'pending'"), "1");
  EXPECT_NO_THROW(world_.store().desk()->report(false));
}

TEST_F(Claim, PayloadsMayBeLargeDeepAndBeyondDoubles) {
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  world_.put({"big", "noop", "\"" + std::string(1'000'000, 'x') + "\"", "pending", long_ago, long_ago, 0});
  world_.put({"deep", "noop", deep, "pending", long_ago + 1, long_ago, 0});
  world_.put(
      {"number", "noop", "[12345678901234567890.123456789, 1e400]", "pending", long_ago + 2, long_ago, 0});
  const auto exchanged = claim();
  ASSERT_EQ(exchanged.jobs.size(), 3U);
  EXPECT_EQ(exchanged.jobs[0].job.payload.size(), 1'000'002U);
  EXPECT_EQ(exchanged.jobs[1].job.payload, deep);
  EXPECT_EQ(exchanged.jobs[2].job.payload,
            "[12345678901234567890.123456789, 1" + std::string(400, '0') + "]");
}

TEST_F(Claim, ARowThatWasWrittenMeanwhileIsFoundAtItsNewPlace) {
  for (const char* id : {"as it was", "moved", "taken away"}) add(id);
  const auto exchanged = claim();
  world_.database().exec("UPDATE \"Outbox\" SET payload = '[1]' WHERE id = 'moved'");
  world_.database().exec("DELETE FROM \"Outbox\" WHERE id = 'taken away'");
  std::vector<job::Settlement> settlements;
  for (const auto& claimed : exchanged.jobs) settlements.push_back(settlement(claimed.job));
  EXPECT_EQ(settle(settlements, exchanged.claim), 1U);
  EXPECT_EQ(count("status = 'done'"), "2");
  EXPECT_EQ(world_.database().value("SELECT count(*) FROM sluice.claim"), "0");
}

TEST_F(Claim, NoOutcomeFailsItsBatch) {
  for (const char* id : {"nul", "surrogate", "garbage", "bytes", "fine", "plain"}) add(id);
  const auto exchanged = claim();
  std::vector<job::Settlement> settlements;
  for (const auto& claimed : exchanged.jobs) {
    auto settled = settlement(claimed.job);
    if (settled.id == "nul") settled.outcome.output = R"("\u0000")";
    if (settled.id == "surrogate") settled.outcome.output = R"("\ud800")";
    if (settled.id == "garbage") settled.outcome.output = "{nonsense";
    if (settled.id == "fine") settled.outcome.output = "[1]";
    if (settled.id == "bytes") {
      settled.status = Status::error;
      settled.outcome.result = Result::fail;
      settled.outcome.error = std::string("a\0b\xff", 4);
      settled.outcome.log_tail = std::string("\0", 1);
      settled.delay = job::Microseconds::max();
      settled.outcome.duration = job::Microseconds::max();
    }
    settlements.push_back(settled);
  }
  EXPECT_EQ(settle(settlements, exchanged.claim), 0U);
  EXPECT_EQ(count("status = 'done'"), "5");
  EXPECT_EQ(count("status = 'error'"), "1");
  EXPECT_EQ(world_.output("fine"), "[1]");
  EXPECT_EQ(world_.output("nul"), "");
  EXPECT_EQ(world_.store().desk()->recent_failures(9).at(0).error,
            "a\uFFFD"
            "b\uFFFD");
  EXPECT_EQ(world_.database().value("SELECT count(*) FROM sluice.claim"), "0");
}

TEST_F(Claim, TwoSessionsNeverGetTheSameRow) {
  constexpr int jobs = 4000;
  world_.fill(jobs, "noop", "pending", "j");
  std::vector<std::vector<std::string>> taken(4);
  {
    std::vector<std::jthread> pumps;
    for (int pump = 0; pump < 4; ++pump) {
      pumps.emplace_back([&, pump] {
        auto claims = world_.store().claims(runtime_, pump, false);
        auto finishes = world_.store().finishes();
        for (;;) {
          const auto exchanged = claims->claim(claim_request({"noop"}, 37), true);
          if (exchanged.jobs.empty()) return;
          std::vector<job::Settlement> settlements;
          for (const auto& claimed : exchanged.jobs) {
            taken[static_cast<std::size_t>(pump)].push_back(claimed.job.id);
            settlements.push_back(settlement(claimed.job));
          }
          EXPECT_TRUE(finishes->finish(settlements, {exchanged.claim}).empty());
        }
      });
    }
  }
  std::set<std::string> all;
  std::size_t total = 0;
  for (const auto& ids : taken) {
    all.insert(ids.begin(), ids.end());
    total += ids.size();
  }
  EXPECT_EQ(total, std::size_t{jobs});
  EXPECT_EQ(all.size(), std::size_t{jobs});
  EXPECT_EQ(count("status = 'done' AND attempts = 1"), std::to_string(jobs));
}

TEST_F(Claim, TheGuidesOwnStatementsWorkMeanwhile) {
  for (const char* id : {"retried", "deleted", "kept"}) add(id);
  const auto exchanged = claim();
  std::vector<job::Settlement> failures;
  for (const auto& claimed : exchanged.jobs) {
    failures.push_back(settlement(claimed.job, Status::error, Result::retry));
    failures.back().delay = std::chrono::seconds(60);
  }
  settle(failures, exchanged.claim);
  world_.erase("deleted");
  world_.database().exec(
      "UPDATE \"Outbox\" SET status = 'pending' WHERE status = 'error' AND attempts < 3 AND id = 'retried'");
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"retried"});
  world_.advance(std::chrono::seconds(61));
  EXPECT_EQ(care_->promote_due(10).used, 3U);
  EXPECT_EQ(world_.row("retried")->status, "pending");
  EXPECT_TRUE(ids_of(claim()) == std::vector<std::string>{"kept"}) << "retried must not be claimed again";
  EXPECT_EQ(world_.row("kept")->status, "pending");
}

TEST_F(Claim, AnOutcomeOfADeletedRowIsDropped) {
  add("a");
  add("b", long_ago + 1);
  const auto exchanged = claim();
  world_.erase("a");
  EXPECT_EQ(settle({settlement(exchanged.jobs[0].job), settlement(exchanged.jobs[1].job)}, exchanged.claim),
            1U);
}

TEST_F(Claim, AClaimThatStaysNamesNoJobThatWasSettled) {
  add("failed");
  add("locked", long_ago + 1);
  const auto claimed = claim();
  test::Session application(world_.database().url());
  application.exec("BEGIN; SELECT FROM \"Outbox\" WHERE id = 'locked' FOR UPDATE");
  std::vector<job::Settlement> failures;
  for (const auto& one : claimed.jobs) failures.push_back(settlement(one.job, Status::error, Result::fail));
  const auto unwritten = finishes_->finish(failures, {claimed.claim});
  ASSERT_EQ(unwritten.size(), 1U);
  EXPECT_EQ(unwritten[0].why, store::Unwritten::Why::locked);
  world_.set_status("failed", "pending");
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"failed"});
}

TEST_F(Claim, AReconciliationDoesNotWaitLongForARow) {
  add("a");
  const auto claimed = claim();
  finishes_->mark({claimed.jobs[0].job}, {});
  test::Session application(world_.database().url());
  application.exec("BEGIN; SELECT FROM \"Outbox\" WHERE id = 'a' FOR UPDATE");
  EXPECT_THROW(claims_->reconcile({}, 0), store::Unavailable);
  application.exec("COMMIT");
  claims_->reconcile({}, 0);
  EXPECT_EQ(count("status = 'pending' AND attempts = 0"), "1");
}

TEST_F(Claim, ARowLockedByTheApplicationIsFinishedWhenUnlocked) {
  add("a");
  const auto exchanged = claim();
  world_.database().exec("BEGIN; UPDATE \"Outbox\" SET payload = '{\"x\": 1}'");
  std::atomic<bool> finished = false;
  std::jthread finishing([&] {
    EXPECT_EQ(settle({settlement(exchanged.jobs[0].job)}, exchanged.claim), 0U);
    finished = true;
  });
  while (world_.database().value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0") {
  }
  EXPECT_FALSE(finished);
  world_.database().exec("COMMIT");
  finishing.join();
  EXPECT_EQ(world_.row("a")->status, "done");
}

TEST_F(Claim, WorksWithoutTheGuidesIndexes) {
  world_.database().exec(
      "DROP INDEX \"Outbox_status_idx\", \"Outbox_createdAt_idx\", \"Outbox_type_idx\", "
      "\"Outbox_status_createdAt_idx\"");
  for (int i = 0; i < 10; ++i) add(std::to_string(i), long_ago + i);
  EXPECT_EQ(ids_of(claim(2)), (std::vector<std::string>{"0", "1"}));
}

TEST_F(Claim, ALostConnectionIsReportedOnceAndThenReplaced) {
  add("a");
  claim();
  world_.database().exec(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
      "pg_backend_pid()");
  EXPECT_THROW(claim(), store::Unavailable);
  claims_->reconcile({}, 0);
  EXPECT_EQ(ids_of(claim()), std::vector<std::string>{"a"});
}

TEST_F(Claim, WorksThroughAPoolInTransactionMode) {
  auto pooled = postgres::open_postgres({world_.database().url() + "&pgbouncer=true"});
  auto claims = pooled->claims(runtime_, 0, false);
  auto finishes = pooled->finishes();
  add("a");
  add("b", long_ago + 1);
  const auto first = claims->claim(claim_request({"noop"}, 1), true);
  ASSERT_EQ(first.jobs.size(), 1U);
  EXPECT_TRUE(
      finishes->finish({settlement(first.jobs[0].job, Status::error, Result::fail)}, {first.claim}).empty());
  const auto second = claims->claim(claim_request({"noop"}, 1), true);
  EXPECT_EQ(ids_of(second), std::vector<std::string>{"b"});
  EXPECT_EQ(world_.row("a")->status, "error");
  EXPECT_EQ(finishes->living({first.claim, second.claim}), std::vector<std::int64_t>{second.claim});
  claims->reconcile({}, 0);
  EXPECT_EQ(world_.row("b")->status, "pending");
}

// Otherwise the job would run again and again, uncounted.
TEST_F(Claim, SuppressedOutcomesAreReported) {
  add("a");
  add("b", long_ago + 1);
  world_.database().exec(
      "CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
      "CREATE TRIGGER hold_back BEFORE UPDATE ON \"Outbox\" FOR EACH ROW WHEN (OLD.id = 'a') EXECUTE "
      "FUNCTION "
      "hold_back()");
  const auto claimed = claim();
  std::vector<job::Settlement> done;
  for (const auto& one : claimed.jobs) done.push_back(settlement(one.job));
  for (const auto status : {Status::done, Status::error}) {
    done[0].status = status;
    const auto unwritten = finishes_->finish(done, {claimed.claim});
    ASSERT_GE(unwritten.size(), 1U);
    EXPECT_EQ(unwritten[0].index, 0U);
    EXPECT_EQ(unwritten[0].why, store::Unwritten::Why::refused);
    EXPECT_NE(unwritten[0].message.find("had no effect"), std::string::npos) << unwritten[0].message;
  }
  EXPECT_EQ(world_.row("b")->status, "done");
  EXPECT_TRUE(claim().jobs.empty()) << "the claim must still exist";
}

// One claimer takes its snapshot. Then its rival commits a claim and releases its row locks, before the first
// claimer reaches the rows. To arrange this, a policy of the table makes the first claimer wait at the first
// row.
class Rivals : public Claim {
 protected:
  Rivals() {
    add("first");
    add("second", long_ago + 1);
    auto& database = world_.database();
    role_ = "rival_" + database.name();
    database.exec("CREATE ROLE " + role_ + " LOGIN; GRANT USAGE ON SCHEMA sluice TO " + role_ +
                  "; GRANT ALL ON \"Outbox\", sluice.claim, "
                  "sluice.runtime TO " +
                  role_ + "; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sluice TO " + role_);
    database.exec(
        "CREATE FUNCTION passes(id text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF id = 'first' THEN "
        "PERFORM pg_advisory_lock_shared(42); PERFORM pg_advisory_unlock_shared(42); END IF; RETURN true; "
        "END $$; "
        "ALTER TABLE \"Outbox\" ENABLE ROW LEVEL SECURITY; CREATE POLICY passes ON \"Outbox\" USING "
        "(passes(id))");
    database.exec(
        "CREATE FUNCTION sluice.record_blindly(runtime bigint, pump integer, ids text[], since xid8, marked "
        "boolean, "
        "durable boolean, OUT claim bigint, OUT others text[]) LANGUAGE sql AS 'INSERT INTO sluice.claim "
        "(runtime, "
        "pump, ids) VALUES ($1, $2, $3) RETURNING id, NULL::text[]'");
  }
  ~Rivals() override { world_.database().exec("DROP OWNED BY " + role_ + "; DROP ROLE " + role_); }

  /// Begins `late`. While it waits at the first row, runs `early`. Then lets `late` continue.
  void between(const std::function<void()>& late, const std::function<void()>& early) {
    Session gate(world_.database().url());
    gate.exec("SELECT pg_advisory_lock(42)");
    std::jthread claiming(late);
    while (gate.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND "
                      "database = (SELECT oid FROM pg_database WHERE datname = current_database())") == "0") {
    }
    early();
    gate.exec("SELECT pg_advisory_unlock(42)");
  }

  /// The number of claims that name the first row, if both rivals record theirs with this function.
  std::string claims_of_both(const std::string& function) {
    std::string sql = postgres::claim_statement(postgres::TableName::parse("public.Outbox"), 1, false);
    const std::string real = "sluice.record_claim";
    sql.replace(sql.find(real), real.size(), function);
    const std::string execute = "EXECUTE claim (" + std::to_string(runtime_) +
                                ", 1, false, true, '{}', '0', '{noop}', 9, '-Infinity', 4000000)";
    Session early(world_.database().url()), late(world_.database().url());
    for (Session* session : {&early, &late}) {
      session->exec(postgres::pump_settings("SET"));
      session->exec("PREPARE claim AS " + sql);
    }
    late.exec("SET ROLE " + role_);
    between([&] { late.exec(execute); }, [&] { early.exec(execute); });
    return early.value("SELECT count(*) FROM sluice.claim WHERE 'first' = ANY (ids)");
  }

  std::string role_;
};

TEST_F(Rivals, NeverClaimTheSameRowAfterItsLockIsReleased) {
  EXPECT_EQ(claims_of_both("sluice.record_claim"), "1");
}

TEST_F(Rivals, WouldClaimTheSameRowsInOneStatement) {
  EXPECT_EQ(claims_of_both("sluice.record_blindly"), "2") << "the test no longer arranges the race";
}

TEST_F(Rivals, LearnThatMoreJobsMayWait) {
  for (int i = 0; i < 5; ++i) add("later" + std::to_string(i), long_ago + 10 + i);
  auto rival = postgres::open_postgres({world_.database().url_as(role_)})->claims(runtime_, 1, false);
  std::vector<store::LaneRequest> request = claim_request({"noop"}, 2);
  request[0].cursor = long_ago;
  store::Claimed taken_away;
  between([&] { taken_away = rival->claim(request, true); },
          [&] {
            EXPECT_EQ(ids_of(claim(2)), (std::vector<std::string>{"first", "second"}));
          });
  EXPECT_EQ(ids_of(taken_away), std::vector<std::string>());
  EXPECT_TRUE(taken_away.is_rivalled);
  const store::Claimed next = rival->claim(request, true);
  EXPECT_EQ(ids_of(next), (std::vector<std::string>{"later0", "later1"}));
  EXPECT_FALSE(next.is_rivalled);
}

}  // namespace
}  // namespace sluice::test
