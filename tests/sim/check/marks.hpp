// The marks in rare branches of the runtime and of the store in memory. Each must be reached by some seed.
#pragma once

#include <array>
#include <string_view>

namespace sluice::sim {

inline constexpr std::array<std::string_view, 10> all_marks{
    "claim: rivals took what was chosen",
    "claimer: fenced",
    "finish: a row has moved",
    "leave: a job's outcome was lost",
    "promote: a due row is locked",
    "reconcile: gave back a lost claim",
    "surrender: the server lost an outcome",
    "rescue: a drain waits for leases",
    "rescue: a row is locked",
    "rescue: buried a runtime with claims",
};

}  // namespace sluice::sim
