#include "engine/pump/pump_context.hpp"

#include <utility>

#include "base/threads.hpp"

namespace sluice::engine {

job::RetryPolicy PumpContext::policy(const std::string& type) const {
  const auto by_type = policies.now();
  const auto found = by_type->find(type);
  return found == by_type->end() ? job::RetryPolicy{} : found->second;
}

job::Settlement PumpContext::settle(job::Finished one) const {
  const job::RetryPolicy rules = policy(one.job.type);
  bound(one.outcome);
  job::Settlement settlement =
      job::settle(std::move(one.job), std::move(one.outcome), rules, base::random_fraction());
  if (settlement.status == job::Status::scheduled && no_scheduled) settlement.status = job::Status::error;
  settlement.role = std::move(one.role);
  return settlement;
}

/// An outcome with more requests than allowed becomes a failure.
void PumpContext::bound(job::Outcome& outcome) const {
  const std::size_t asked = outcome.effects.size() + outcome.follow_ups.size();
  if (asked <= most_effects) return;
  outcome.result = job::Result::fail;
  outcome.code = "too-many-effects";
  outcome.error = "the handler returned done, but asked for " + std::to_string(outcome.follow_ups.size()) +
                  " follow-up jobs and " + std::to_string(outcome.effects.size()) +
                  " effects to be committed with the job; effects_max allows " +
                  std::to_string(most_effects) + ": nothing of it was done";
  outcome.effects.clear();
  outcome.follow_ups.clear();
  outcome.output.clear();
}

std::vector<job::Settlement> PumpContext::settle(std::vector<job::Finished> all) const {
  std::vector<job::Settlement> settlements;
  settlements.reserve(all.size());
  for (job::Finished& one : all) settlements.push_back(settle(std::move(one)));
  return settlements;
}

}  // namespace sluice::engine
