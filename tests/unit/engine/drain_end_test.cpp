#include "engine/lanes/drain_end.hpp"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

TEST(DrainEnd, WaitsForClaimsAndTheirOutcomes) {
  DrainEnd end;
  EXPECT_TRUE(end.is_idle());
  end.begin_claim();
  EXPECT_FALSE(end.is_idle()) << "a claim is in progress";
  end.end_claim(2);
  EXPECT_FALSE(end.is_idle()) << "no outcome is written";
  end.write(1);
  EXPECT_FALSE(end.is_written());
  end.write(1);
  EXPECT_TRUE(end.is_idle());
}

TEST(DrainEnd, WaitsForEachClaimInProgress) {
  DrainEnd end;
  end.begin_claim();
  end.begin_claim();
  end.end_claim(0);
  EXPECT_TRUE(end.is_written());
  EXPECT_FALSE(end.is_idle());
  end.end_claim(0);
  EXPECT_TRUE(end.is_idle());
}

TEST(DrainEnd, DoesNotWaitForOutcomesKeptAside) {
  DrainEnd end;
  end.begin_claim();
  end.end_claim(1);
  end.write(1);
  EXPECT_TRUE(end.is_idle());
  end.write(-1);  // the outcome is tried again
  EXPECT_FALSE(end.is_idle());
  end.write(1);
  EXPECT_TRUE(end.is_idle());
}

TEST(DrainEnd, WaitsWhileJobsAreMadePending) {
  DrainEnd end;
  const DrainEnd::Mark mark = end.begin_claim();
  end.end_claim(0);
  end.begin_change();
  end.begin_change();
  end.end_change(false);
  EXPECT_FALSE(end.is_idle());
  EXPECT_FALSE(end.is_stale(mark));
  end.end_change(true);
  EXPECT_TRUE(end.is_idle());
  EXPECT_TRUE(end.is_stale(mark));
}

TEST(DrainEnd, AClaimIsStaleIfJobsArrivedSinceItBegan) {
  DrainEnd end;
  const DrainEnd::Mark before = end.begin_claim();
  end.arrive();
  const DrainEnd::Mark after = end.begin_claim();
  EXPECT_TRUE(end.is_stale(before));
  EXPECT_FALSE(end.is_stale(after));
  EXPECT_FALSE(end.is_invalid(before));
}

TEST(DrainEnd, ASweepIsInvalidIfRowsMayHaveBeenHiddenSinceItBegan) {
  DrainEnd end;
  const DrainEnd::Mark before = end.begin_claim();
  end.invalidate();
  const DrainEnd::Mark after = end.begin_claim();
  EXPECT_TRUE(end.is_invalid(before));
  EXPECT_FALSE(end.is_invalid(after));
  EXPECT_FALSE(end.is_stale(before));
}

}  // namespace
}  // namespace sluice::engine
