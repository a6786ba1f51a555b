// Decides whether producers shall notify this runtime of new jobs. A notification takes a lock that all
// commits of the server share, so it is asked for only while jobs are few: then a job is found by it at once,
// and while they are many, by the next claim. Where notifications come that bring this runtime nothing, it
// asks for none for a while.
#pragma once

#include "engine/router.hpp"

namespace sluice::engine {

class WakePolicy {
 public:
  /// `load` is the router's at `now`; times never go back. Answers as before until enough time has passed
  /// to tell.
  bool wanted(const Load& load, Clock::time_point now);

 private:
  bool wanted_ = false;
  Clock::time_point since_{};
  std::int64_t finds_ = 0;
  std::int64_t wakes_ = 0;
  Clock::time_point not_before_{};
};

}  // namespace sluice::engine
