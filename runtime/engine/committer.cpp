#include "engine/committer.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine {

namespace {

constexpr std::size_t most_together = 200;
/// A connection that nobody needed for so long is closed.
constexpr std::chrono::seconds idle_limit{30};
/// What the database can't write while it answers is its job's in the end.
constexpr int most_failures = 5;

}  // namespace

Committer::Committer(const PumpContext& context, std::function<void(std::vector<Committed>)> report)
    : context_(context), report_(std::move(report)) {}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    for (const auto& [role, lane] : lanes_) lane->changed.notify_one();
  }
  lanes_.clear();  // joins
}

void Committer::push(job::Settlement settlement, int failures) {
  const std::string role = settlement.outcome.effects.empty() ? std::string() : settlement.role;
  const std::lock_guard lock(mutex_);
  auto& lane = lanes_[role];
  if (!lane) {
    lane = std::make_unique<Lane>();
    lane->role = role;
  }
  lane->waiting.push_back({std::move(settlement), std::nullopt, failures});
  if (!lane->thread.joinable()) lane->thread = std::jthread([this, made = lane.get()] { run(*made); });
  lane->changed.notify_one();
}

void Committer::limit(Clock::time_point deadline) {
  const std::lock_guard lock(mutex_);
  deadline_ = deadline;
  for (const auto& [role, lane] : lanes_) lane->changed.notify_one();
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

/// False when it has to end.
bool Committer::wait_for_work(Lane& lane, std::unique_ptr<store::EffectSession>& session) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return ends_ || !lane.waiting.empty(); };
  if (!lane.changed.wait_for(lock, idle_limit, ready)) {
    lock.unlock();
    session.reset();
    lock.lock();
    lane.changed.wait(lock, ready);
  }
  return !ends_;
}

std::vector<Committer::Committed> Committer::take(Lane& lane, bool one) {
  const std::lock_guard lock(mutex_);
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
      if (answered && failures >= most_failures) all.why = store::Unwritten::Why::refused;
    }
    if (all.why == store::Unwritten::Why::refused || !wait_to_retry(lane, ++failures)) break;
  }
  context_.outage.up(&lane);
  if (all.why == store::Unwritten::Why::refused) all.code = "effect";
  for (Committed& one : jobs) one.unwritten = all;
}

/// False when there is no more time.
bool Committer::wait_to_retry(Lane& lane, int failures) {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return ends_ || (deadline_ && *deadline_ <= Clock::now()); };
  const auto until = Clock::now() + reconnect_delay(failures);
  while (!over()) {
    const auto next = deadline_ ? std::min(*deadline_, until) : until;
    if (lane.changed.wait_until(lock, next) == std::cv_status::timeout && Clock::now() >= until) break;
  }
  return !over();
}

}  // namespace sluice::engine
