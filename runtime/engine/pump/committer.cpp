#include "engine/pump/committer.hpp"

#include <algorithm>
#include <utility>

#include "base/planted.hpp"

namespace sluice::engine {

namespace {

constexpr std::size_t most_together = 200;
/// A connection that has not been used for this long is closed.
constexpr std::chrono::seconds idle_limit{30};
/// If the database answers but can't write a settlement, the settlement eventually becomes an error of its
/// job.
constexpr int most_failures = 5;

}  // namespace

Committer::Committer(const PumpContext& context, std::function<void(std::vector<Committed>)> report)
    : context_(context), report_(std::move(report)) {}

Committer::~Committer() {
  {
    const base::Lock lock(mutex_);
    for (const auto& [role, lane] : lanes_) {
      const base::Lock in_lane(lane->mutex);
      lane->ends = true;
      lane->changed.notify_one();
    }
  }
  lanes_.clear();  // joins
}

void Committer::push(job::Settlement settlement, int failures) {
  const std::string role = settlement.outcome.effects.empty() ? std::string() : settlement.role;
  const base::Lock lock(mutex_);
  auto& place = lanes_[role];
  if (!place) place = std::make_unique<Lane>(role);
  Lane& lane = *place;
  const base::Lock in_lane(lane.mutex);
  lane.deadline = deadline_;
  lane.waiting.push_back({std::move(settlement), std::nullopt, failures, false});
  if (!lane.thread.joinable()) lane.thread = base::Thread([this, &lane] { run(lane); });
  lane.changed.notify_one();
}

void Committer::limit(Clock::time_point deadline) {
  const base::Lock lock(mutex_);
  deadline_ = deadline;
  for (const auto& [role, lane] : lanes_) {
    const base::Lock in_lane(lane->mutex);
    lane->deadline = deadline;
    lane->changed.notify_one();
  }
}

void Committer::run(Lane& lane) {
  std::unique_ptr<store::EffectSession> session;
  while (wait_for_work(lane, session)) {
    if (!session) session = context_.store.effects(context_.effects_limit);
    std::vector<Committed> jobs = take(lane, !lane.role.empty());
    commit(lane, *session, jobs);
    report_(std::move(jobs));
  }
}

/// False if the thread must end.
bool Committer::wait_for_work(Lane& lane, std::unique_ptr<store::EffectSession>& session) {
  const auto until = Clock::now() + idle_limit;
  base::Lock lock(lane.mutex);
  while (!lane.ends && lane.waiting.empty()) {
    if (!session) {
      lane.changed.wait(lane.mutex);
    } else if (!lane.changed.wait_until(lane.mutex, until)) {
      lock.unlock();
      session.reset();
      lock.lock();
    }
  }
  return !lane.ends;
}

std::vector<Committer::Committed> Committer::take(Lane& lane, bool one) {
  const base::Lock lock(lane.mutex);
  const std::size_t count = std::min(lane.waiting.size(), one ? std::size_t{1} : most_together);
  std::vector<Committed> taken;
  for (std::size_t i = 0; i < count; ++i) {
    taken.push_back(std::move(lane.waiting.front()));
    lane.waiting.pop_front();
  }
  return taken;
}

void Committer::commit(Lane& lane, store::EffectSession& session, std::vector<Committed>& jobs) {
  std::vector<job::Settlement> settlements;
  settlements.reserve(jobs.size());
  for (const Committed& one : jobs) settlements.push_back(one.settlement);
  store::Unwritten all{0, store::Unwritten::Why::untried, "", "", false};
  for (int failures = 0;;) {
    try {
      for (store::Unwritten& one : session.commit(settlements)) jobs[one.index].unwritten = std::move(one);
      context_.outage.up(&lane);
      return;
    } catch (const std::exception& error) {
      all.message = error.what();
      const auto* unavailable = dynamic_cast<const store::Unavailable*>(&error);
      const bool answered = unavailable == nullptr || unavailable->answered();
      context_.outage.down(&lane, error);
      if (!answered) {
        for (Committed& one : jobs) one.unanswered = true;
      }
      if (answered && failures >= most_failures) all.why = store::Unwritten::Why::refused;
    }
    if (all.why == store::Unwritten::Why::refused || !wait_to_retry(lane, ++failures)) break;
  }
  context_.outage.up(&lane);
  base::mark("committer: a commit is given up");
  if (all.why == store::Unwritten::Why::refused) all.code = "effect";
  for (Committed& one : jobs) one.unwritten = all;
}

/// False if there is no time left.
bool Committer::wait_to_retry(Lane& lane, int failures) {
  const base::Lock lock(lane.mutex);
  const auto until = Clock::now() + reconnect_delay(failures);
  for (;;) {
    const auto now = Clock::now();
    if (lane.ends || (lane.deadline && *lane.deadline <= now)) return false;
    if (now >= until) return true;
    lane.changed.wait_until(lane.mutex, lane.deadline ? std::min(*lane.deadline, until) : until);
  }
}

}  // namespace sluice::engine
