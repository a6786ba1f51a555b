#include "postgres/link/call_watch.hpp"

#include <algorithm>
#include <utility>

#include "base/duration.hpp"
#include "base/without_signals.hpp"

namespace sluice::postgres {

namespace {

CallWatch::Clock::time_point after(CallWatch::Clock::duration bound) {
  const auto now = CallWatch::Clock::now();
  return bound >= CallWatch::Clock::time_point::max() - now ? CallWatch::Clock::time_point::max()
                                                            : now + bound;
}

}  // namespace

CallWatch::Call::Call(CallWatch& watch, Clock::duration bound)
    : watch_(watch), bound_(bound), deadline_(after(bound)) {
  const base::Lock lock(watch_.mutex_);
  watch_.calls_.insert(this);
  if (!watch_.thread_.joinable()) {
    const base::WithoutSignals guard;
    watch_.thread_ = base::Thread([&watch] { watch.run(); });
  }
  watch_.end_if_overdue(*this);
  if (std::min(deadline_, watch_.limit_) < watch_.wakes_at_) watch_.changed_.notify_all();
}

CallWatch::Call::~Call() {
  const base::Lock lock(watch_.mutex_);
  watch_.calls_.erase(this);
}

void CallWatch::Call::attach(std::function<void()> end) {
  const base::Lock lock(watch_.mutex_);
  end_ = std::move(end);
  if (ended_) end_();
}

void CallWatch::Call::detach() {
  const base::Lock lock(watch_.mutex_);
  end_ = nullptr;
}

bool CallWatch::Call::ended() const {
  const base::Lock lock(watch_.mutex_);
  return ended_;
}

std::string CallWatch::Call::reason() const {
  const base::Lock lock(watch_.mutex_);
  if (limited_) return "there is no time left, because sluice is stopping";
  return "no answer within " +
         base::format_duration(std::chrono::duration_cast<std::chrono::microseconds>(bound_));
}

CallWatch::~CallWatch() {
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CallWatch::limit(Clock::time_point when) {
  const base::Lock lock(mutex_);
  limit_ = when;
  changed_.notify_all();
}

void CallWatch::run() {
  const base::Lock lock(mutex_);
  while (!stopping_) {
    wakes_at_ = end_overdue();
    if (wakes_at_ == Clock::time_point::max()) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_until(mutex_, wakes_at_);
    }
  }
}

/// Returns when the next call is overdue.
CallWatch::Clock::time_point CallWatch::end_overdue() {
  auto next = Clock::time_point::max();
  for (Call* call : calls_) {
    call->watch_.mutex_.assert_held();
    end_if_overdue(*call);
    if (!call->ended_) next = std::min({next, call->deadline_, limit_});
  }
  return next;
}

void CallWatch::end_if_overdue(Call& call) {
  call.watch_.mutex_.assert_held();
  if (call.ended_ || Clock::now() < std::min(call.deadline_, limit_)) return;
  call.ended_ = true;
  call.limited_ = limit_ <= call.deadline_;
  if (call.end_) call.end_();
}

}  // namespace sluice::postgres
