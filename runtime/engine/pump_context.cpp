#include "engine/pump_context.hpp"

#include <random>
#include <utility>

namespace sluice::engine {

namespace {

double random_jitter() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace

job::RetryPolicy PumpContext::policy(const std::string& type) const {
  const auto by_type = policies.now();
  const auto found = by_type->find(type);
  return found == by_type->end() ? job::RetryPolicy{} : found->second;
}

job::Settlement PumpContext::settle(job::Finished one) const {
  const job::RetryPolicy rules = policy(one.job.type);
  job::Settlement settlement =
      job::settle(std::move(one.job), std::move(one.outcome), rules, random_jitter());
  settlement.role = std::move(one.role);
  return settlement;
}

std::vector<job::Settlement> PumpContext::settle(std::vector<job::Finished> all) const {
  std::vector<job::Settlement> settlements;
  settlements.reserve(all.size());
  for (job::Finished& one : all) settlements.push_back(settle(std::move(one)));
  return settlements;
}

}  // namespace sluice::engine
