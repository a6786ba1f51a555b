// The bug that is planted in this run, by its name.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "base/planted.hpp"

namespace sluice::sim {

inline base::Bug& present_bug() {
  static base::Bug bug = base::Bug::none;
  return bug;
}

using base::Bug;
inline constexpr std::array<std::pair<Bug, std::string_view>, 20> bug_names{{
    {Bug::cursor_never_swept, "cursor-never-swept"},
    {Bug::blind_judge, "blind-judge"},
    {Bug::no_reconcile, "no-reconcile"},
    {Bug::unknown_is_done, "unknown-is-done"},
    {Bug::lost_wake, "lost-wake"},
    {Bug::gives_back_started, "gives-back-started"},
    {Bug::room_leaks, "room-leaks"},
    {Bug::forgets_crashed, "forgets-crashed"},
    {Bug::once_is_often, "once-is-often"},
    {Bug::cancel_flag_stays, "cancel-flag-stays"},
    {Bug::trusts_the_server, "trusts-the-server"},
    {Bug::never_enlists_again, "never-enlists-again"},
    {Bug::no_fence, "no-fence"},
    {Bug::one_statement_claim, "one-statement-claim"},
    {Bug::refunds_twice, "refunds-twice"},
    {Bug::self_rescue, "self-rescue"},
    {Bug::rescue_forgets_locked, "rescue-forgets-locked"},
    {Bug::one_refused_blocks_all, "one-refused-blocks-all"},
    {Bug::lost_backend_lives, "lost-backend-lives"},
    {Bug::effects_twice, "effects-twice"},
}};

}  // namespace sluice::sim
