// A pump moves jobs between the store and the fleet: it claims wherever there is room, hands the jobs to
// their plugins, and writes what came of them. Its claimer and its finisher have a thread and a connection
// each: two sessions that both claim and finish insert into the same pages of the table's indexes and wait
// for each other; with the work split this way they rarely meet.
#pragma once

#include <utility>
#include <vector>

#include "engine/pump/claimer.hpp"
#include "engine/pump/finisher.hpp"
#include "engine/pump/pump_context.hpp"

namespace sluice::engine {

/// All of it may be called by any thread.
class Pump {
 public:
  /// `listens`: it hears of new jobs.
  Pump(std::uint32_t index, PumpContext context, bool listens)
      : context_(std::move(context)),
        finisher_(
            context_, [this] { claimer_.poke(); }, context_.finished),
        claimer_(index, context_, finisher_, listens) {}

  /// Takes jobs of this pump that came back.
  void push(std::vector<job::Finished> jobs) { finisher_.push(std::move(jobs)); }
  /// These jobs of this pump still run: their rows are to say so.
  void mark(std::vector<job::Ref> jobs) { finisher_.mark(std::move(jobs)); }
  /// Looks again whether something may be claimed.
  void poke() { claimer_.poke(); }
  /// Claims no more; ends when every claimed job came back and is written, or, while the database is
  /// lost, at `deadline`.
  void stop(Clock::time_point deadline) {
    finisher_.limit(deadline);
    claimer_.stop();
  }

 private:
  const PumpContext context_;
  Finisher finisher_;
  Claimer claimer_;
};

}  // namespace sluice::engine
