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

}  // namespace sluice::engine
