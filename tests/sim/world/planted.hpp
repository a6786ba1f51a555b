// The bug that is planted in this run, by its name.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/planted.hpp"

namespace sluice::sim {

inline base::Bug& present_bug() {
  static base::Bug bug = base::Bug::none;
  return bug;
}

using base::Bug;
/// Its name, and a seed that found it, which is tried first.
struct NamedBug {
  Bug bug;
  std::string_view name;
  std::uint64_t seed;
};
inline constexpr std::array<NamedBug, 21> bug_names{{
    {Bug::cursor_never_swept, "cursor-never-swept", 2},
    {Bug::blind_judge, "blind-judge", 1},
    {Bug::no_reconcile, "no-reconcile", 3},
    {Bug::unknown_is_done, "unknown-is-done", 1},
    {Bug::lost_wake, "lost-wake", 1},
    {Bug::gives_back_started, "gives-back-started", 2},
    {Bug::slots_stay_gone, "slots-stay-gone", 1},
    {Bug::room_leaks, "room-leaks", 2},
    {Bug::forgets_crashed, "forgets-crashed", 2},
    {Bug::once_is_often, "once-is-often", 1},
    {Bug::cancel_flag_stays, "cancel-flag-stays", 12},
    {Bug::trusts_the_server, "trusts-the-server", 38},
    {Bug::never_enlists_again, "never-enlists-again", 2},
    {Bug::no_fence, "no-fence", 6},
    {Bug::one_statement_claim, "one-statement-claim", 2},
    {Bug::refunds_twice, "refunds-twice", 1},
    {Bug::self_rescue, "self-rescue", 84},
    {Bug::rescue_forgets_locked, "rescue-forgets-locked", 6},
    {Bug::one_refused_blocks_all, "one-refused-blocks-all", 7},
    {Bug::lost_backend_lives, "lost-backend-lives", 35},
    {Bug::effects_twice, "effects-twice", 9},
}};

}  // namespace sluice::sim
