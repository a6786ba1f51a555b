#include "dashboard/pulse.hpp"

#include "base/without_signals.hpp"

namespace sluice::dashboard {

namespace {

constexpr std::chrono::seconds period{2};

}  // namespace

Pulse::Pulse(Site& site, http::Server& server) : site_(site), server_(server) {
  const base::WithoutSignals guard;
  thread_ = base::Thread([this] { run(); });
}

Pulse::~Pulse() {
  {
    const base::Lock lock(mutex_);
    stops_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Pulse::run() {
  base::Lock lock(mutex_);
  while (!stops_) {
    changed_.wait_until(mutex_, base::Clock::now() + period);
    if (stops_ || server_.watchers() == 0) continue;
    lock.unlock();
    server_.tell(site_.event());
    lock.lock();
  }
}

}  // namespace sluice::dashboard
