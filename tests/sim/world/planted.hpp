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
inline constexpr std::array<NamedBug, 33> bug_names{{
    {Bug::cursor_never_swept, "cursor-never-swept", 13},
    {Bug::blind_judge, "blind-judge", 2},
    {Bug::no_reconcile, "no-reconcile", 7},
    {Bug::unknown_is_done, "unknown-is-done", 1},
    {Bug::lost_wake, "lost-wake", 3},
    {Bug::gives_back_started, "gives-back-started", 3},
    {Bug::slots_stay_gone, "slots-stay-gone", 3},
    {Bug::room_leaks, "room-leaks", 2},
    {Bug::forgets_crashed, "forgets-crashed", 3},
    {Bug::once_is_often, "once-is-often", 2},
    {Bug::cancel_flag_stays, "cancel-flag-stays", 25},
    {Bug::trusts_the_server, "trusts-the-server", 7},
    {Bug::never_enlists_again, "never-enlists-again", 1},
    {Bug::no_fence, "no-fence", 7},
    {Bug::one_statement_claim, "one-statement-claim", 2},
    {Bug::refunds_twice, "refunds-twice", 1},
    {Bug::self_rescue, "self-rescue", 18},
    {Bug::rescue_forgets_locked, "rescue-forgets-locked", 1},
    {Bug::one_refused_blocks_all, "one-refused-blocks-all", 7},
    {Bug::lost_backend_lives, "lost-backend-lives", 7},
    {Bug::effects_twice, "effects-twice", 11},
    {Bug::charges_a_sibling, "charges-a-sibling", 2},
    {Bug::never_alone, "never-alone", 3},
    {Bug::alone_for_free, "alone-for-free", 1},
    {Bug::poison_too_early, "poison-too-early", 1},
    {Bug::never_poison, "never-poison", 1},
    {Bug::limits_too_early, "limits-too-early", 1},
    {Bug::hangs_for_ever, "hangs-for-ever", 1},
    {Bug::hangs_for_free, "hangs-for-free", 1},
    {Bug::canary_takes_retries, "canary-takes-retries", 2},
    {Bug::canary_takes_more, "canary-takes-more", 2},
    {Bug::restarts_as_canary, "restarts-as-canary", 1},
    {Bug::retries_gone_back, "retries-gone-back", 1},
}};

}  // namespace sluice::sim
