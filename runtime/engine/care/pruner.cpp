#include "engine/care/pruner.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace sluice::engine {

namespace {

constexpr std::size_t batch = 1000;
constexpr std::chrono::milliseconds soonest{100};
constexpr std::chrono::minutes latest{1};

/// Between two rounds. A tenth of the age is precise enough.
Clock::duration interval(job::Microseconds age) {
  return std::clamp<Clock::duration>(age / 10, soonest, latest);
}

}  // namespace

Pruner::Pruner(store::Store& store, Outage& outage, const std::vector<Retention>& retentions)
    : outage_(outage) {
  for (const Retention& retention : retentions) {
    tasks_.push_back({retention, store.prunes(retention.status, retention.age), {}});
  }
  thread_ = base::Thread([this] { run(); });
}

Pruner::~Pruner() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
}

bool Pruner::stopping() const {
  const base::Lock lock(mutex_);
  return stopping_;
}

void Pruner::run() {
  for (int failures = 0; !stopping();) {
    try {
      auto next = Clock::now() + latest;
      for (Task& task : tasks_) {
        if (Clock::now() >= task.next) prune(task);
        next = std::min(next, task.next);
      }
      failures = 0;
      outage_.up(this);
      pause(next - Clock::now());
    } catch (const store::HeldUp& error) {
      log::debug("pruning waits for a lock", {{"reason", error.what()}});
      pause(reconnect_delay(++failures));
    } catch (const std::exception& error) {
      outage_.down(this, error);
      pause(reconnect_delay(++failures));
    }
  }
  outage_.up(this);
}

/// At most half of the time, which leaves the database to the running jobs for the rest.
void Pruner::prune(Task& task) {
  std::size_t jobs = 0;
  for (bool over = false; !over && !stopping();) {
    const auto started = Clock::now();
    const store::Pruned pruned = task.session->prune(batch);
    jobs += pruned.jobs;
    over = pruned.over;
    if (!over) pause(Clock::now() - started);
  }
  task.next = Clock::now() + interval(task.retention.age);
  if (jobs > 0) log::info("pruned old jobs", {{"status", task.retention.status}, {"jobs", jobs}});
}

void Pruner::pause(Clock::duration time) {
  const auto until = Clock::now() + time;
  const base::Lock lock(mutex_);
  while (!stopping_ && stopped_.wait_until(mutex_, until)) {
  }
}

}  // namespace sluice::engine
