// The pump of recorded claims: a claimer and a finisher, each with a thread and a connection of its own. Two
// sessions that both claim and finish insert into the same pages of the table's indexes and wait for each
// other; with the work split this way they rarely meet.
#pragma once

#include <vector>

#include "engine/claimer.hpp"
#include "engine/finisher.hpp"
#include "engine/pump.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class ClaimPump : public Pump {
 public:
  ClaimPump(std::uint32_t index, PumpContext context);

  ClaimMode mode() const override { return ClaimMode::recorded; }
  void push(std::vector<job::Finished> jobs) override { finisher_.push(std::move(jobs)); }
  void poke() override { claimer_.poke(); }
  void stop(Clock::time_point deadline) override;

 private:
  const PumpContext context_;
  Finisher finisher_;
  Claimer claimer_;
};

}  // namespace sluice::engine
