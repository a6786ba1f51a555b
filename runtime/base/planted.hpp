// Bugs that the simulation in tests/sim plants to show that it would find them, and marks in rare branches,
// which it must reach. Elsewhere both compile to nothing.
#pragma once

#include <string_view>

namespace sluice::base {

enum class Bug {
  none,
  // in the runtime
  cursor_never_swept,    ///< rows behind the cursor are never found
  blind_judge,           ///< a runtime judges others though its own beats were not answered
  no_reconcile,          ///< a claim whose answer was lost is taken for failed
  unknown_is_done,       ///< an outcome whose answer was lost is taken for written
  lost_wake,             ///< a returned job does not wake the finisher
  gives_back_started,    ///< a job that waits too long is given back even if its handler runs
  slots_stay_gone,       ///< a plugin whose hosts all died gets no slots again
  room_leaks,            ///< a released job keeps its room
  forgets_crashed,       ///< the started jobs of a dead host are not judged
  once_is_often,         ///< a crashed job that runs at most once is tried again
  cancel_flag_stays,     ///< a ticket is handed out with the cancel flag of its last job
  trusts_the_server,     ///< what the server acknowledged is not doubted after a lost connection
  charges_a_sibling,     ///< the other jobs of a host that a job ended lose an attempt, too
  never_alone,           ///< a job that may have ended a host runs beside others again
  alone_for_free,        ///< the end of a host in which a job ran alone costs it nothing
  poison_too_early,      ///< a second crash at a place makes a job poison
  never_poison,          ///< nothing is poison
  canary_takes_retries,  ///< a canary gets jobs that have failed before
  canary_takes_more,     ///< a canary gets twice its share
  restarts_as_canary,    ///< the present version, if a host does not start, is started from a canary's file
  retries_gone_back,     ///< a plain reload loads a version that went back
  limits_too_early,      ///< a job has half the time that its type has
  hangs_for_ever,        ///< a host whose job does not stop is not killed
  hangs_for_free,        ///< a job that hung and was killed is given back
  never_enlists_again,   ///< a fenced runtime goes on under its old id
  // in the store in memory
  no_fence,                ///< an outcome is written though its claim is gone
  one_statement_claim,     ///< a claim does not look at the claims again under its locks
  refunds_twice,           ///< a job that is given back loses two attempts
  self_rescue,             ///< a runtime may judge itself
  rescue_forgets_locked,   ///< a rescue drops jobs whose rows are locked
  one_refused_blocks_all,  ///< a refused outcome has the whole batch refused
  lost_backend_lives,      ///< a statement whose answer was lost may commit after its session went on
  effects_twice,           ///< a commit whose claim is gone runs its effects
};

#ifdef SLUICE_SIMULATED
bool planted(Bug bug);
void mark(std::string_view name);
#else
constexpr bool planted(Bug /*bug*/) {
  return false;
}
constexpr void mark(std::string_view /*name*/) {}
#endif

}  // namespace sluice::base
