// What `sluice reload` asks of a runtime beyond a plain reload: to begin a canary, to decide one, or to roll
// back. It is sent as one real-time signal, whose value holds the whole request. So it needs no file, no
// socket and no database, the kernel checks who may send it, and SIGHUP keeps its meaning.
#pragma once

#include <cstdint>
#include <optional>

#include "fleet/canary.hpp"

namespace sluice::fleet {

struct ReloadRequest {
  enum class What { rollback, canary, promote, abort };
  What what = What::canary;
  CanaryPlan plan;  ///< of a canary
  bool operator==(const ReloadRequest&) const = default;
};

/// The most that fits into a request.
constexpr std::chrono::seconds longest_canary{1'000'000};
constexpr std::int64_t most_least_jobs = 10'000'000;

/// A program of another version may not catch it, and would be ended by it.
int reload_request_signal();

std::uint64_t packed(const ReloadRequest& request);
/// Nullopt if it is no request.
std::optional<ReloadRequest> unpacked(std::uint64_t value);

}  // namespace sluice::fleet
