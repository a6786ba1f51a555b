// What both kinds of pump do with a claim: the router's room becomes a request, what was claimed goes to the
// plugins.
#pragma once

#include <functional>
#include <vector>

#include "engine/pump_context.hpp"

namespace sluice::engine {

/// What one claim brought; no lanes: there was no room.
struct Intake {
  std::vector<Reservation> lanes;
  store::Claimed claimed;
  Clock::duration took{};
};

/// Takes room in lanes of `mode` and has `claim` fill it. Gives the room back and throws on what `claim`
/// throws.
Intake claim_for_room(const PumpContext& context, ClaimMode mode,
                      const std::function<store::Claimed(const std::vector<store::LaneRequest>&)>& claim);

/// Tells the router what came, and hands the jobs to their plugins, as jobs of pump number `pump`.
void hand_over(const PumpContext& context, std::uint32_t pump, Intake intake);

}  // namespace sluice::engine
