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

const job::RetryPolicy& PumpContext::policy(const std::string& type) const {
  static const job::RetryPolicy fallback;
  const auto found = policies.find(type);
  return found == policies.end() ? fallback : found->second;
}

job::Settlement PumpContext::settle(job::Finished one) const {
  const job::RetryPolicy& rules = policy(one.job.type);
  job::Settlement settlement =
      job::settle(std::move(one.job), std::move(one.outcome), rules, random_jitter());
  if (settlement.outcome.effects.empty()) return settlement;
  const auto role = roles.find(settlement.type);
  if (role != roles.end()) settlement.role = role->second;
  return settlement;
}

}  // namespace sluice::engine
