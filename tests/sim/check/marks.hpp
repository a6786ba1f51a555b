// The marks in rare branches of the runtime and of the store in memory. Each must be reached by some seed.
#pragma once

#include <array>
#include <string_view>

namespace sluice::sim {

inline constexpr std::array<std::string_view, 27> all_marks{
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
    "solitary: a job runs alone",
    "solitary: a job is put off",
    "solitary: a second host does not start",
    "solitary: waiting jobs are given back",
    "fleet: a job is poison",
    "fleet: a job did not stop in time",
    "tickets: an overdue job stopped when asked",
    "canary: a host of its died with a job",
    "canary: decided by hand",
    "canary: it crashes repeatedly",
    "canary: it fails too often",
    "canary: promoted",
    "canary: the present version keeps its file",
    "canary: something befalls its runtime",
    "canary: went back",
    "canary: went back before",
    "canary: promoted after it went back",
};

}  // namespace sluice::sim
