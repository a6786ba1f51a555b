// Decides whether producers shall notify this runtime of new jobs. A notification takes a lock that all
// commits of the server share, and holds it until its own is on disk, so it is asked for only while jobs are
// few: then a job is found by it at once, and while they are many, by the next claim. Where notifications
// come that bring this runtime nothing, it asks for none for a while.
#pragma once

#include "engine/lanes/lanes.hpp"

namespace sluice::engine {

class WakePolicy {
 public:
  /// `load` is the lanes' at `now`, `heard` how many notifications came since the beginning; times never go
  /// back. Answers as before until enough time has passed to tell.
  bool wanted(const Load& load, std::int64_t heard, Clock::time_point now);

 private:
  struct Counts {
    std::int64_t finds = 0;
    std::int64_t jobs = 0;
    std::int64_t heard = 0;
  };

  bool wanted_ = false;
  Clock::time_point since_{};
  Counts counts_;  ///< at since_
  std::int64_t unanswered_ =
      0;  ///< notifications of the time before since_ for which no job was found by then
  Clock::time_point not_before_{};
};

}  // namespace sluice::engine
