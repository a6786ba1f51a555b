// What the fleet does when something happens to a host: by the standing of the host's edition, and by the
// event. One table, and values alone.
//
//              described   refused   ready     died
//   loading    learn       refuse    -         refuse     the first host has not said what it declares
//   described  compare     refuse    -         refuse     waits until all of the round are described
//   starting   compare     refuse    serve     refuse     its init runs; it was never ready
//   trial      compare     refuse    serve     refuse     ready, in a reload, beside the edition at work
//   serving    compare     refuse    serve     restart    ready, or restarting
//   given up   -           -         -         -          refused, broken or disabled
//   retired    -           -         -         -          replaced or removed
//
// A host that does not get on in time is killed, and so dies. While the runtime stops, nothing is served or
// restarted.
#pragma once

#include <array>
#include <cstddef>

namespace sluice::fleet {

enum class Standing { loading, described, starting, trial, serving, given_up, retired };
enum class HostEvent { described, refused, ready, died };
enum class Action {
  ignore,
  learn,    ///< what the plugin declares; the round may go on
  compare,  ///< with what is known; the same is started, another is refused
  refuse,   ///< the edition
  serve,    ///< the host takes jobs
  restart,  ///< later, by restart_delay()
};

inline Action action_for(Standing standing, HostEvent event) {
  using enum Action;
  static constexpr std::array<std::array<Action, 4>, 7> actions{{
      {learn, refuse, ignore, refuse},    // loading
      {compare, refuse, ignore, refuse},  // described
      {compare, refuse, serve, refuse},   // starting
      {compare, refuse, serve, refuse},   // trial
      {compare, refuse, serve, restart},  // serving
      {ignore, ignore, ignore, ignore},   // given_up
      {ignore, ignore, ignore, ignore},   // retired
  }};
  return actions.at(static_cast<std::size_t>(standing)).at(static_cast<std::size_t>(event));
}

}  // namespace sluice::fleet
