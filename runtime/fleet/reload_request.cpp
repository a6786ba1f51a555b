#include "fleet/reload_request.hpp"

#include <signal.h>

#include <cmath>

namespace sluice::fleet {

namespace {

// The value: 2 bits for what is asked of a canary, then share, seconds and jobs.
constexpr double share_unit = 10'000;
constexpr unsigned share_at = 2;
constexpr unsigned seconds_at = 16;
constexpr unsigned jobs_at = 36;
constexpr std::uint64_t rollback = std::uint64_t{1} << 63U;  // the whole value, so that 0 is no request
constexpr std::uint64_t what_mask = 0x3;
constexpr std::uint64_t share_mask = 0x3fff;
constexpr std::uint64_t seconds_mask = 0xfffff;
static_assert(std::uint64_t{longest_canary.count()} <= seconds_mask);
static_assert(most_least_jobs < std::int64_t{1} << (63U - jobs_at));

}  // namespace

int reload_request_signal() {
  return SIGRTMIN + 5;
}

std::uint64_t packed(const ReloadRequest& request) {
  if (request.what == ReloadRequest::What::rollback) return rollback;
  const auto share = static_cast<std::uint64_t>(std::lround(request.plan.share * share_unit));
  return static_cast<std::uint64_t>(request.what) | share << share_at |
         static_cast<std::uint64_t>(request.plan.longest.count()) << seconds_at |
         static_cast<std::uint64_t>(request.plan.least_jobs) << jobs_at;
}

std::optional<ReloadRequest> unpacked(std::uint64_t value) {
  if (value == rollback) return ReloadRequest{ReloadRequest::What::rollback, {}};
  ReloadRequest request;
  request.what = static_cast<ReloadRequest::What>(value & what_mask);
  request.plan.share = static_cast<double>(value >> share_at & share_mask) / share_unit;
  request.plan.longest = std::chrono::seconds(value >> seconds_at & seconds_mask);
  request.plan.least_jobs = static_cast<std::int64_t>(value >> jobs_at);
  const bool valid = request.plan.share > 0 && request.plan.share <= Canary::most_share;
  if ((value & what_mask) == 0 || (request.what == ReloadRequest::What::canary && !valid))
    return std::nullopt;
  return request;
}

}  // namespace sluice::fleet
