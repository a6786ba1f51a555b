#include "world/deadlines.hpp"

#include <algorithm>

namespace sluice::sim {

namespace {

/// The runtime looks about twice a second, and a fiber may be held up.
constexpr std::chrono::seconds slack{3};

std::string seconds_of(Duration time) {
  return std::to_string(std::chrono::duration<double>(time).count()) + " s";
}

}  // namespace

Duration Deadlines::limit(const std::string& type) const {
  const auto found = config_.types.find(type);
  return found == config_.types.end() ? config_.job_timeout
                                      : found->second.timeout.value_or(config_.job_timeout);
}

Duration Deadlines::longest(const std::string& type) const {
  Duration siblings{};
  for (const auto& [name, settings] : config_.types) siblings = std::max(siblings, limit(name));
  return limit(type) + siblings + 2 * Duration(config_.cancel_grace) + slack;
}

void Deadlines::on_start(const Key& key, const std::string& type) {
  Run run;
  run.type = type;
  run.start = sched().now();
  running_[key] = run;
}

void Deadlines::on_end(const Key& key) {
  const auto found = running_.extract(key);
  if (!found) return;
  const auto& [host, job, ticket] = key;
  Run& run = found.mapped();
  run.end = sched().now();
  run.frozen = host->frozen_since(run.start) || host->runtime().frozen_since(run.start);
  if (!run.frozen && run.end - run.start > longest(run.type))
    fail_("job " + job + " ran for " + seconds_of(run.end - run.start) + ", and its limit is " +
          seconds_of(limit(run.type)));
  ended_[key] = run;
}

void Deadlines::on_settled(const job::Settlement& settlement, const Key& key, bool with_its_host) {
  const auto found = ended_.find(key);
  if (found == ended_.end()) return;
  const Run& run = found->second;
  const Duration took = run.end - run.start;
  if (settlement.outcome.code == "timeout") {
    if (took < limit(run.type))
      fail_("job " + settlement.id + " exceeded its limit of " + seconds_of(limit(run.type)) + " after " +
            seconds_of(took));
    return;
  }
  const bool is_free = settlement.outcome.result == job::Result::released && with_its_host;
  if (is_free && !run.frozen && took > limit(run.type) + slack)
    fail_("job " + settlement.id + " hung for " + seconds_of(took) + ", and costs nothing");
}

}  // namespace sluice::sim
