#include "engine/watch/observer.hpp"

#include <utility>

namespace sluice::engine {

Observer::Observer(std::function<void(std::function<void()>)> post, std::function<Observation()> look)
    : post_(std::move(post)), look_(std::move(look)) {}

std::optional<Observation> Observer::observe(std::chrono::milliseconds patience) {
  const auto began = base::Clock::now();
  base::Lock lock(mutex_);
  const std::uint64_t before = answers_;
  if (!closed_ && !std::exchange(asked_, true)) {
    lock.unlock();
    post_([this] { answer(); });
    lock.lock();
  }
  while (!closed_ && answers_ == before && answered_.wait_until(mutex_, began + patience)) {
  }
  if (answers_ == before) return std::nullopt;
  Observation observation = latest_;
  observation.took = base::Clock::now() - began;
  return observation;
}

void Observer::answer() {
  Observation observation = look_();
  {
    const base::Lock lock(mutex_);
    latest_ = std::move(observation);
    ++answers_;
    asked_ = false;
  }
  answered_.notify_all();
}

void Observer::close() {
  {
    const base::Lock lock(mutex_);
    closed_ = true;
  }
  answered_.notify_all();
}

}  // namespace sluice::engine
