#include "fleet/reload_request.hpp"

#include <gtest/gtest.h>

namespace sluice::fleet {
namespace {

using What = ReloadRequest::What;

TEST(ReloadRequest, FitsIntoTheValueOfASignal) {
  const std::vector<ReloadRequest> requests{
      {What::canary, {}},
      {What::canary, {0.0001, std::chrono::seconds(1), 0}},
      {What::canary, {Canary::most_share, longest_canary, most_least_jobs}},
      {What::promote, {}},
      {What::abort, {}},
      {What::rollback, {}}};
  for (const ReloadRequest& request : requests) EXPECT_EQ(unpacked(packed(request)), request);
}

TEST(ReloadRequest, RefusesValuesThatAreNone) {
  EXPECT_EQ(unpacked(0), std::nullopt);
  EXPECT_EQ(unpacked(packed({What::canary, {0, std::chrono::seconds(1), 1}})), std::nullopt);
  EXPECT_EQ(unpacked(packed({What::canary, {0.51, std::chrono::seconds(1), 1}})), std::nullopt);
}

}  // namespace
}  // namespace sluice::fleet
