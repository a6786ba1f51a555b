#include "dashboard/operations.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::dashboard {

namespace {

constexpr std::size_t batch = 500;
constexpr std::size_t most_at_once = 4;
constexpr std::size_t most_remembered = 100;

std::size_t change_some(store::JobDesk& desk, Change change, const store::JobFilter& filter,
                        store::Walk& walk) {
  switch (change) {
    case Change::remove:
      return desk.remove_some(filter, walk, batch);
    case Change::give_up:
      return desk.give_up_some(filter, walk, batch);
    case Change::retry:
      break;
  }
  return desk.retry_some(filter, walk, batch);
}

}  // namespace

struct Operations::Running {
  OperationState state;  // guarded by the operations' mutex, like `stops`
  bool stops = false;
  std::unique_ptr<store::JobDesk> desk;  // of the thread
  base::Thread thread;
};

Operations::Operations() = default;

Operations::~Operations() {
  std::list<std::unique_ptr<Running>> all;
  {
    const base::Lock lock(mutex_);
    for (auto& one : running_) one->stops = true;
    std::swap(all, running_);
  }
  for (auto& one : all) {
    if (one->thread.joinable()) one->thread.join();
  }
}

std::optional<int> Operations::start(OperationState state, const store::JobFilter& filter,
                                     std::unique_ptr<store::JobDesk> desk) {
  const base::Lock lock(mutex_);
  const auto under_way =
      std::count_if(running_.begin(), running_.end(), [](const auto& one) { return !one->state.over; });
  if (static_cast<std::size_t>(under_way) >= most_at_once) return std::nullopt;
  forget_old();
  state.id = ++last_;
  running_.push_front(std::make_unique<Running>());
  Running& running = *running_.front();
  running.state = std::move(state);
  running.desk = std::move(desk);
  running.thread = base::Thread([this, &running, filter] { run(running, filter); });
  return running.state.id;
}

std::optional<OperationState> Operations::state(int id) const {
  const base::Lock lock(mutex_);
  for (const auto& one : running_) {
    if (one->state.id == id) return one->state;
  }
  return std::nullopt;
}

std::vector<OperationState> Operations::all() const {
  const base::Lock lock(mutex_);
  std::vector<OperationState> states;
  for (const auto& one : running_) states.push_back(one->state);
  return states;
}

bool Operations::stop(int id) {
  const base::Lock lock(mutex_);
  for (const auto& one : running_) {
    if (one->state.id != id || one->state.over) continue;
    one->stops = true;
    return true;
  }
  return false;
}

void Operations::run(Running& running, store::JobFilter filter) {
  std::string error;
  try {
    const std::vector<std::string> statuses = filter.statuses;
    bool goes_on = true;
    for (const std::string& status : statuses) {
      filter.statuses = {status};
      for (store::Walk walk; goes_on && !walk.over;) goes_on = step(running, filter, walk);
    }
  } catch (const std::exception& failed) {
    error = failed.what();
  }
  running.desk.reset();
  const base::Lock lock(mutex_);
  running.state.over = true;
  running.state.error = error;
}

bool Operations::step(Running& running, const store::JobFilter& filter, store::Walk& walk) {
  const std::size_t changed = change_some(*running.desk, running.state.change, filter, walk);
  const base::Lock lock(mutex_);
  running.state.changed += static_cast<std::int64_t>(changed);
  running.state.stopped = running.stops && !walk.over;
  return !running.stops;
}

void Operations::forget_old() {
  while (running_.size() > most_remembered && running_.back()->state.over) {
    running_.back()->thread.join();
    running_.pop_back();
  }
}

}  // namespace sluice::dashboard
