#include "engine/intake.hpp"

#include <utility>

#include "base/log.hpp"

namespace sluice::engine {

namespace {

/// Of a job that plugins are not shown.
job::Finished turned_back(job::Job job) {
  job::Finished finished;
  finished.outcome.result = job::Result::fail;
  finished.outcome.code = "not-utf-8";
  finished.outcome.error =
      "the job's id or payload is not UTF-8, which plugins are promised; the database has no encoding "
      "(SQL_ASCII), and takes any bytes";
  finished.job = std::move(job);
  finished.job.payload = {};
  return finished;
}

void say(const store::Unclaimable& one) {
  log::error(
      one.in_error
          ? "the database refuses that a job is claimed; the job is in status error now, and others go on"
          : "the database refuses that a job is claimed, or that it gets status error; it stays pending, and "
            "others go on",
      {{"job", one.id}, {"type", one.type}, {"reason", one.message}});
}

}  // namespace

Intake claim_for_room(const PumpContext& context, ClaimMode mode,
                      const std::function<store::Claimed(const std::vector<store::LaneRequest>&)>& claim) {
  Intake intake{context.router.reserve(Clock::now(), mode), {}, {}};
  if (intake.lanes.empty()) return intake;
  std::vector<store::LaneRequest> requests;
  requests.reserve(intake.lanes.size());
  for (const Reservation& lane : intake.lanes) requests.push_back(context.router.request(lane));
  const auto started = Clock::now();
  try {
    intake.claimed = claim(requests);
  } catch (...) {
    for (const Reservation& lane : intake.lanes) context.router.unclaimed(lane);
    throw;
  }
  intake.took = Clock::now() - started;
  return intake;
}

void hand_over(const PumpContext& context, std::uint32_t pump, Intake intake) {
  const auto policies = context.policies.now();
  std::vector<job::Job> jobs;
  jobs.reserve(intake.claimed.jobs.size());
  std::vector<job::Finished> unreadable;
  std::vector<ClaimResult> results(intake.lanes.size());
  context.tally.claimed(intake.claimed.jobs);
  for (ClaimResult& result : results) result.asked_at = intake.claimed.asked_at;
  for (const store::Unclaimable& one : intake.claimed.unclaimable) {
    if (!one.message.empty()) say(one);
    results[one.lane].add_refused(one.created_at, one.in_error);
  }
  for (store::ClaimedJob& one : intake.claimed.jobs) {
    ClaimResult& result = results[one.lane];
    one.job.bytes = static_cast<std::int64_t>(one.job.payload.size());
    result.add(one.job.type, one.job.bytes);
    result.reached(one.job.created_at);
    const auto policy = policies->find(one.job.type);
    one.job.max_attempts = policy == policies->end() ? 1 : policy->second.max_attempts;
    one.job.pump = pump;
    if (one.unreadable) {
      unreadable.push_back(turned_back(std::move(one.job)));
    } else {
      jobs.push_back(std::move(one.job));
    }
  }
  const auto now = Clock::now();
  for (std::size_t i = 0; i < intake.lanes.size(); ++i) {
    context.router.claimed(intake.lanes[i], results[i], intake.took, now);
  }
  if (!jobs.empty()) context.deliver(std::move(jobs));
  if (!unreadable.empty()) context.turn_back(std::move(unreadable));
}

}  // namespace sluice::engine
