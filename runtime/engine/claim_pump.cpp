#include "engine/claim_pump.hpp"

#include <utility>

namespace sluice::engine {

ClaimPump::ClaimPump(std::uint32_t index, PumpContext context)
    : context_(std::move(context)),
      finisher_(
          context_, [this] { claimer_.poke(); }, context_.finished),
      claimer_(index, context_, finisher_) {}

void ClaimPump::stop(Clock::time_point deadline) {
  finisher_.limit(deadline);
  claimer_.stop();
}

}  // namespace sluice::engine
