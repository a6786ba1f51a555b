// A pump: a claimer and a finisher, each with a thread and a connection of its own. Two sessions that both
// claim and finish insert into the same pages of the table's indexes and wait for each other; with the
// work split this way they rarely meet.
#pragma once

#include <vector>

#include "engine/claimer.hpp"
#include "engine/finisher.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class Pump {
 public:
  Pump(std::uint32_t index, PumpContext context);

  /// Takes jobs of this pump that came back. [any-thread]
  void push(std::vector<job::Finished> jobs) { finisher_.push(std::move(jobs)); }
  /// Looks again whether something may be claimed. [any-thread]
  void poke() { claimer_.poke(); }
  /// Claims no more; ends when every claimed job came back and is written, or, while the database is
  /// lost, at `deadline`. [any-thread]
  void stop(Clock::time_point deadline);

 private:
  const PumpContext context_;
  Finisher finisher_;
  Claimer claimer_;
};

}  // namespace sluice::engine
