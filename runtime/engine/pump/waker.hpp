// Wakes an idle runtime when new jobs are committed, while there are few jobs. While there are many, or the
// connection is lost, claims find new jobs by polling. Used only by the claimer's thread, on its session.
#pragma once

#include <cstdint>

#include "engine/lanes/lanes.hpp"
#include "engine/pump/wake_policy.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Waker {
 public:
  explicit Waker(Lanes& lanes) : lanes_(lanes) {}

  /// Asks producers to notify, or to stop, if that changed. Throws what the session throws.
  void renew(store::ClaimSession& session, store::RuntimeId runtime, Clock::time_point now);
  /// When renew() may have something to do because time passes.
  Clock::time_point next_renewal(Clock::time_point now);
  /// This many notifications came.
  void on_notified(std::int64_t notifications);
  /// Notifications are lost until the next renew(), and jobs are found by polling.
  void on_lost();

 private:
  Lanes& lanes_;
  WakePolicy policy_;
  std::int64_t heard_ = 0;  ///< notifications, since the beginning
  std::int64_t heard_before_ = 0;
  store::RuntimeId announced_ = 0;  ///< the runtime that the database knows as wanting to be woken; 0: none
  Clock::time_point announced_at_{};
  Clock::time_point not_before_{};  ///< the next renewal, after the last one was held up
};

}  // namespace sluice::engine
