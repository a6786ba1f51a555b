// A pump moves jobs between the store and the fleet: it claims wherever there is room, hands the jobs to
// their plugins, and writes their outcomes. Its claimer and its finisher each have a thread and a connection.
// If two sessions both claimed and finished, they would insert into the same pages of the table's indexes and
// wait for each other. With the work split this way, they rarely do.
#pragma once

#include <utility>
#include <vector>

#include "engine/pump/claimer.hpp"
#include "engine/pump/finisher.hpp"
#include "engine/pump/pump_context.hpp"

namespace sluice::engine {

/// Any thread may call any of its functions.
class Pump {
 public:
  /// `listens`: it listens for new jobs.
  Pump(std::uint32_t index, PumpContext context, bool listens)
      : context_(std::move(context)),
        finisher_(
            context_, [this] { claimer_.poke(); }, context_.finished),
        claimer_(index, context_, finisher_, listens) {}

  /// Takes back jobs of this pump.
  void push(std::vector<job::Finished> jobs) { finisher_.push(std::move(jobs)); }
  /// These jobs of this pump still run, and their rows shall say so.
  void mark(std::vector<job::Ref> jobs) { finisher_.mark(std::move(jobs)); }
  /// Checks again whether a claim may be made.
  void poke() { claimer_.poke(); }
  /// Stops claiming. The pump ends when every claimed job came back and is written, or at `deadline` if the
  /// database is lost.
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
