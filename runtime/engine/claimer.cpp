#include "engine/claimer.hpp"

#include <map>
#include <utility>

#include "engine/intake.hpp"

namespace sluice::engine {

Claimer::Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher)
    : pump_(pump),
      context_(context),
      finisher_(finisher),
      gate_(context, finisher, ClaimMode::recorded),
      thread_([this] { run(); }) {}

void Claimer::run() {
  enlist_again();
  while (gate_.wait_for_room()) claim();
  finisher_.no_more();
}

/// Asks again what was refused, too. What a statement claimed whose answer was lost is given back, by the
/// next reconciliation or, at a stop, as the runtime takes leave.
void Claimer::claim() {
  for (int failures = 0; !gate_.stopping();) {
    const auto step = [&] {
      if (failures > 0) session_->reconcile(finisher_.open_claims());
      claim_once();
      return true;
    };
    if (context_.ask(this, step, [this] { enlist_again(); })) return;
    gate_.wait_to_retry(++failures);
  }
}

void Claimer::claim_once() {
  const store::RuntimeId now = context_.runtime(0);
  if (now != runtime_) use(now);
  Intake intake = claim_for_room(context_, ClaimMode::recorded,
                                 [&](const auto& lanes) { return session_->claim(lanes); });
  if (intake.lanes.empty()) return;
  std::map<std::int64_t, std::size_t> claims;
  for (const store::ClaimedJob& one : intake.claimed.jobs) ++claims[one.job.claim];
  for (const auto& [claim, jobs] : claims) finisher_.expect(claim, jobs);
  hand_over(context_, pump_, std::move(intake));
  if (context_.router.exhausted()) context_.idle();
}

void Claimer::enlist_again() {
  use(context_.runtime(runtime_));
}

/// None when sluice stops.
void Claimer::use(store::RuntimeId runtime) {
  runtime_ = runtime;
  if (runtime_ != 0) session_ = context_.store.claims(runtime_, static_cast<int>(pump_));
}

}  // namespace sluice::engine
