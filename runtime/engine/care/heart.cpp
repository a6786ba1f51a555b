#include "engine/care/heart.hpp"

#include <algorithm>

#include "base/planted.hpp"

namespace sluice::engine {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// How long an answer counts as recent.
constexpr std::chrono::seconds fresh{1};

/// The limit for one beat. It is well below the lease, which leaves time for more beats.
milliseconds patience(const config::Config& config) {
  constexpr milliseconds least{200}, most{5000};
  return std::clamp(duration_cast<milliseconds>(config.lease) / 4, least, most);
}

}  // namespace

Heart::Heart(store::Store& store, const config::Config& config, Outage& outage)
    : config_(config), outage_(outage), session_(store.heart(patience(config))), thread_([this] { run(); }) {}

Heart::~Heart() {
  stop();
}

void Heart::stop() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  outage_.up(this);
}

void Heart::beat_for(store::RuntimeId runtime) {
  const base::Lock lock(mutex_);
  runtime_ = runtime;
  next_ = Clock::now();
  changed_.notify_all();
}

bool Heart::lost(store::RuntimeId runtime) const {
  const base::Lock lock(mutex_);
  return runtime != 0 && lost_ == runtime;
}

std::optional<double> Heart::steady_since() const {
  const base::Lock lock(mutex_);
  return beats_ > 1 ? std::optional(since_) : std::nullopt;
}

double Heart::last_beat() const {
  const base::Lock lock(mutex_);
  return last_at_;
}

Clock::duration Heart::since_answer(milliseconds patience) {
  const base::Lock lock(mutex_);
  const auto before = answered_;
  if (Clock::now() - before > fresh && runtime_ != 0) {
    next_ = std::min(next_, Clock::now());
    changed_.notify_all();
    const auto until = Clock::now() + patience;
    while (answered_ == before && changed_.wait_until(mutex_, until)) {
    }
  }
  return Clock::now() - answered_;
}

void Heart::run() {
  base::Lock lock(mutex_);
  while (!stopping_) {
    if (runtime_ == 0) {
      changed_.wait(mutex_);
    } else if (Clock::now() < next_) {
      changed_.wait_until(mutex_, next_);
    } else {
      const store::RuntimeId runtime = runtime_;
      lock.unlock();
      beat(runtime);
      lock.lock();
    }
  }
}

void Heart::beat(store::RuntimeId runtime) {
  try {
    took(runtime, session_->beat(runtime));
    outage_.beaten();
    outage_.up(this);
  } catch (const store::Refused& error) {
    failed(true);
    outage_.down(this, error);
  } catch (const std::exception& error) {
    failed(false);
    outage_.down(this, std::string(error.what()));
  }
}

/// A gap between two beats, by the database's clock, discards what is known of other runtimes, because they
/// may have had the gap too.
void Heart::took(store::RuntimeId runtime, std::optional<double> at) {
  const base::Lock lock(mutex_);
  answered_ = Clock::now();
  failures_ = 0;
  if (runtime_ == runtime) next_ = answered_ + config_.heartbeat;  // another id waits for its first beat
  changed_.notify_all();
  if (!at) {
    beats_ = 0;
    lost_ = runtime;
    if (runtime_ == runtime) runtime_ = 0;
    return;
  }
  const double gap = std::chrono::duration<double>(config_.lease).count() / 2;
  if (beats_ == 0 || *at - last_at_ > gap || *at < last_at_) {
    if (beats_ > 0) base::mark("heart: a gap between two beats");
    beats_ = 0;
    since_ = *at;
  }
  ++beats_;
  last_at_ = *at;
}

void Heart::failed(bool answered) {
  const base::Lock lock(mutex_);
  beats_ = 0;
  if (answered) answered_ = Clock::now();
  next_ = Clock::now() + std::min<Clock::duration>(config_.heartbeat, reconnect_delay(++failures_));
  changed_.notify_all();
}

}  // namespace sluice::engine
