#include "engine/care/rescue.hpp"

#include <limits>
#include <utility>

#include "base/log.hpp"
#include "base/planted.hpp"

namespace sluice::engine {

namespace {

constexpr std::chrono::minutes complaint_pause{1};

/// Considers no runtime dead.
constexpr double never = std::numeric_limits<double>::infinity();

}  // namespace

bool Rescue::run(store::CareSession& session, store::RuntimeId runtime) {
  next_ = Clock::now() + context_.config.heartbeat;
  job::RetryPolicy fallback;
  fallback.max_attempts = context_.config.max_attempts;
  const double last_beat = context_.heart.last_beat();
  const store::Judge judge{
      runtime, context_.heart.steady_since().value_or(base::planted(base::Bug::blind_judge) ? 0 : never),
      last_beat};
  store::Rescued rescued;
  change_.begin();
  try {
    rescued = session.rescue(judge, fallback);
  } catch (...) {
    change_.end(true, false);
    throw;
  }
  const bool moved = rescued.pending + rescued.error > 0;
  const bool waits = rescued.suspected > 0 && context_.drain;
  change_.end(rescued.pending > 0, moved || waits);
  if (moved) next_ = Clock::now();
  report(rescued);
  if (waits && !std::exchange(waits_, true)) {
    base::mark("rescue: a drain waits for leases");
    log::info("waiting until the leases of silent runtimes expire; their jobs are rescued then",
              {{"runtimes", rescued.suspected}});
  }
  return rescued.pending > 0;
}

void Rescue::report(const store::Rescued& rescued) {
  if (rescued.pending + rescued.error + rescued.runtimes > 0) {
    context_.tally.rescued(rescued);
    log::warn("rescued the jobs of lost runtimes",
              {{"runtimes", rescued.runtimes}, {"pending", rescued.pending}, {"error", rescued.error}});
  }
  if (rescued.refusal.empty() || Clock::now() < next_complaint_) return;
  next_complaint_ = Clock::now() + complaint_pause;
  log::error(
      "the database refuses to rescue a job of a lost runtime; this is tried again, and other jobs continue",
      {{"job", rescued.refused_job}, {"reason", rescued.refusal}});
}

}  // namespace sluice::engine
