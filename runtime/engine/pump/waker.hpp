// How an idle runtime hears of new jobs as they are committed, while jobs are few. While they are many, or
// the connection is lost, claims find them by looking. Used by the claimer's thread alone, on its session.
#pragma once

#include <cstdint>

#include "engine/lanes/lanes.hpp"
#include "engine/pump/wake_policy.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Waker {
 public:
  explicit Waker(Lanes& lanes) : lanes_(lanes) {}

  /// Asks producers to notify, or to do so no more, where that changed since. Throws what the session throws.
  void renew(store::ClaimSession& session, store::RuntimeId runtime, Clock::time_point now);
  /// When renew() may have something to do by time alone.
  Clock::time_point next_renewal(Clock::time_point now);
  /// So many notifications came.
  void on_notified(std::int64_t notifications);
  /// What is notified is lost until the next renew(), and found by looking.
  void on_lost();

 private:
  Lanes& lanes_;
  WakePolicy policy_;
  std::int64_t heard_ = 0;  ///< notifications, since the beginning
  std::int64_t heard_before_ = 0;
  store::RuntimeId told_ = 0;  ///< the runtime of which the database knows that it wants to be woken, 0: none
  Clock::time_point told_at_{};
  Clock::time_point not_before_{};  ///< the next renewal, since the last was held up
};

}  // namespace sluice::engine
