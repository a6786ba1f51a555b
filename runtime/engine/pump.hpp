// A pump moves jobs between the store and the fleet: it claims wherever there is room, hands the jobs to
// their plugins, and writes what came of them. There is one kind for each ClaimMode: ClaimPump and BriefPump.
#pragma once

#include <vector>

#include "engine/router.hpp"
#include "job/job.hpp"

namespace sluice::engine {

/// All of it may be called by any thread.
class Pump {
 public:
  virtual ~Pump() = default;

  /// Of the lanes that it claims for.
  virtual ClaimMode mode() const = 0;
  /// Takes jobs of this pump that came back.
  virtual void push(std::vector<job::Finished> jobs) = 0;
  /// Looks again whether something may be claimed.
  virtual void poke() = 0;
  /// Claims no more; ends when every claimed job came back and is written, or, while the database is
  /// lost, at `deadline`.
  virtual void stop(Clock::time_point deadline) = 0;
};

}  // namespace sluice::engine
