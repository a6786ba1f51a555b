// Decides whether producers should notify this runtime of new jobs. All notifying transactions of the server
// share one lock, and hold it until their commit is on disk. So notifications are requested only while there
// are few jobs. Then a notification finds a job at once; while there are many, the next
// claim does. If notifications bring this runtime no jobs, it requests none for a while.
#pragma once

#include "engine/lanes/lanes.hpp"

namespace sluice::engine {

class WakePolicy {
 public:
  /// `load` is the lanes' load at `now`, `heard` the number of notifications since the beginning. Times must
  /// not decrease. The answer stays the same until enough time has passed to decide.
  bool wanted(const Load& load, std::int64_t heard, Clock::time_point now);

 private:
  struct Counts {
    std::int64_t finds = 0;
    std::int64_t jobs = 0;
    std::int64_t heard = 0;
  };

  bool wanted_ = false;
  Clock::time_point since_{};
  Counts counts_;                ///< at since_
  std::int64_t unanswered_ = 0;  ///< notifications before since_ for which no job had been found by then
  Clock::time_point not_before_{};
};

}  // namespace sluice::engine
