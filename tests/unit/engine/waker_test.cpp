#include "engine/pump/waker.hpp"

#include <gtest/gtest.h>

#include "engine/scripted_store.hpp"

namespace sluice::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr store::RuntimeId runtime = 7;
const Clock::time_point start{std::chrono::hours(1)};

/// The tests pass all times explicitly.
class WakerTest : public testing::Test {
 protected:
  WakerTest() {
    lanes_.set_lanes({{0, {"t"}, 0}});
    lanes_.set_slots(0, 4);
  }

  /// A claim that returns `jobs` jobs, which end at once.
  void claim(int jobs, Clock::time_point now) {
    lanes_.wake();
    const auto plans = lanes_.reserve(now);
    ASSERT_EQ(plans.size(), 1U);
    store::ClaimedJob one;
    one.job.type = "t";
    lanes_.on_claim(plans, {1, 1, std::vector<store::ClaimedJob>(static_cast<std::size_t>(jobs), one)},
                    milliseconds(1), now);
    job::Finished ended;
    ended.job.type = "t";
    lanes_.on_return(std::vector<job::Finished>(static_cast<std::size_t>(jobs), ended), now);
    lanes_.on_write(static_cast<std::size_t>(jobs), false);
  }
  void renew(Clock::time_point now) { waker_.renew(*session_, runtime, now); }
  /// The wishes that were sent to the database: 1 for notifications, 0 for none.
  std::vector<std::int64_t> told() const {
    std::vector<std::int64_t> told;
    for (const test::Call& call : store_.calls("want")) told.push_back(call.number);
    return told;
  }
  /// Whether the lane may claim at once.
  bool is_awake(Clock::time_point now) const { return lanes_.can_reserve(now); }
  bool is_announced() const { return lanes_.load().idle; }

  test::ScriptedStore store_;
  const std::unique_ptr<store::ClaimSession> session_ = store_.claims(runtime, 0, true);
  Lanes lanes_{500, seconds(10), std::nullopt, false};
  Waker waker_{lanes_};
};

using Told = std::vector<std::int64_t>;

TEST_F(WakerTest, AsksForNothingBeforeALaneRests) {
  renew(start);
  renew(start + seconds(1));
  EXPECT_EQ(told(), Told{});
  EXPECT_FALSE(is_announced());
}

TEST_F(WakerTest, AsksWhenALaneRestsAndSearchesForEarlierJobs) {
  claim(0, start);
  ASSERT_FALSE(is_awake(start));
  renew(start);
  EXPECT_EQ(told(), Told{1});
  EXPECT_TRUE(is_announced());
  EXPECT_TRUE(is_awake(start)) << "jobs that were inserted earlier were not announced";
  claim(0, start + seconds(1));
  renew(start + seconds(1));
  EXPECT_EQ(told(), Told{1}) << "the database already knows the wish";
}

TEST_F(WakerTest, RenewsItsWishAfterTwentySecondsWithoutWakingLanes) {
  claim(0, start);
  renew(start);
  claim(0, start + seconds(20));
  renew(start + seconds(20));
  EXPECT_EQ(told(), Told{1});
  claim(0, start + milliseconds(20'001));
  renew(start + milliseconds(20'001));
  EXPECT_EQ(told(), (Told{1, 1}));
  EXPECT_FALSE(is_awake(start + milliseconds(20'001)));
  renew(start + milliseconds(40'001));
  EXPECT_EQ(told(), (Told{1, 1})) << "the next renewal is due twenty seconds after the last";
}

TEST_F(WakerTest, StopsAskingWhileJobsAreMany) {
  claim(0, start);
  renew(start);
  for (int i = 0; i < 25; ++i) claim(1, start + milliseconds(i));
  renew(start + milliseconds(200));
  EXPECT_EQ(told(), (Told{1, 0}));
  EXPECT_FALSE(is_announced());
  renew(start + milliseconds(250));
  EXPECT_EQ(told(), (Told{1, 0})) << "a wish for no notifications is not renewed";
}

TEST_F(WakerTest, RepeatsAfterASecondIfALockDelaysIt) {
  claim(0, start);
  store_.next("want", test::fails<store::HeldUp>());
  renew(start);
  EXPECT_FALSE(is_announced());
  EXPECT_FALSE(is_awake(start));
  renew(start + milliseconds(999));
  EXPECT_EQ(told().size(), 1U);
  renew(start + seconds(1));
  EXPECT_EQ(told(), (Told{1, 1}));
  EXPECT_TRUE(is_announced());
  EXPECT_TRUE(is_awake(start + seconds(1)));
}

TEST_F(WakerTest, AFailureIsThrownAndTheNextCallAsksAgain) {
  claim(0, start);
  store_.next("want", test::answer_lost());
  EXPECT_THROW(renew(start), store::Unavailable);
  EXPECT_FALSE(is_announced());
  renew(start);
  EXPECT_EQ(told(), (Told{1, 1}));
  EXPECT_TRUE(is_announced());
}

TEST_F(WakerTest, AfterALossItAsksAgainAndSearchesForMissedJobs) {
  claim(0, start);
  renew(start);
  claim(0, start);
  ASSERT_FALSE(is_awake(start));
  waker_.on_lost();
  EXPECT_FALSE(is_announced());
  renew(start);
  EXPECT_EQ(told(), (Told{1, 1}));
  EXPECT_TRUE(is_announced());
  EXPECT_TRUE(is_awake(start));
}

TEST_F(WakerTest, ARuntimeWithANewIdAsksAgain) {
  claim(0, start);
  renew(start);
  session_->use(runtime + 1);
  waker_.renew(*session_, runtime + 1, start);
  ASSERT_EQ(told(), (Told{1, 1}));
  EXPECT_EQ(store_.calls("want").back().runtime, runtime + 1);
}

TEST_F(WakerTest, LanesPollIfTheSessionCanNotListen) {
  const auto deaf = store_.claims(runtime, 0, false);
  claim(0, start);
  waker_.renew(*deaf, runtime, start);
  EXPECT_FALSE(is_announced());
  EXPECT_EQ(waker_.next_renewal(start), start + milliseconds(250));
}

TEST_F(WakerTest, ANotificationWakesTheLanes) {
  claim(0, start);
  renew(start);
  claim(0, start);
  ASSERT_FALSE(is_awake(start));
  waker_.on_notified(1);
  EXPECT_TRUE(is_awake(start));
}

TEST_F(WakerTest, RenewsSeldomWithoutJobs) {
  EXPECT_EQ(waker_.next_renewal(start), start + milliseconds(250)) << "new jobs are not announced";
  claim(0, start);
  renew(start);
  EXPECT_EQ(waker_.next_renewal(start), start + seconds(5));
  waker_.on_notified(1);
  EXPECT_EQ(waker_.next_renewal(start), start + milliseconds(250)) << "a notification arrived since";
  EXPECT_EQ(waker_.next_renewal(start), start + seconds(5));
  const auto plans = lanes_.reserve(start);
  EXPECT_EQ(waker_.next_renewal(start), start + milliseconds(250)) << "a claim is in progress";
  lanes_.on_claim_failure(plans, start);
  EXPECT_EQ(waker_.next_renewal(start), start + seconds(5));
  waker_.on_lost();
  EXPECT_EQ(waker_.next_renewal(start), start + milliseconds(250));
}

}  // namespace
}  // namespace sluice::engine
