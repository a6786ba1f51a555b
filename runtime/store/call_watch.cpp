#include "store/call_watch.hpp"

#include <algorithm>
#include <utility>

#include "base/duration.hpp"
#include "base/without_signals.hpp"

namespace sluice::store {

namespace {

CallWatch::Clock::time_point after(CallWatch::Clock::duration bound) {
  const auto now = CallWatch::Clock::now();
  return bound >= CallWatch::Clock::time_point::max() - now ? CallWatch::Clock::time_point::max()
                                                            : now + bound;
}

}  // namespace

CallWatch::Call::Call(CallWatch& watch, Clock::duration bound)
    : watch_(watch), bound_(bound), deadline_(after(bound)) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.calls_.insert(this);
  if (!watch_.thread_.joinable()) {
    const base::WithoutSignals guard;
    watch_.thread_ = std::jthread([&watch](const std::stop_token& stop) { watch.run(stop); });
  }
  watch_.end_if_overdue(*this);
  if (std::min(deadline_, watch_.limit_) < watch_.wakes_at_) watch_.changed_.notify_all();
}

CallWatch::Call::~Call() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.calls_.erase(this);
}

void CallWatch::Call::attach(std::function<void()> end) {
  const std::lock_guard lock(watch_.mutex_);
  end_ = std::move(end);
  if (ended_) end_();
}

void CallWatch::Call::detach() {
  const std::lock_guard lock(watch_.mutex_);
  end_ = nullptr;
}

bool CallWatch::Call::ended() const {
  const std::lock_guard lock(watch_.mutex_);
  return ended_;
}

std::string CallWatch::Call::reason() const {
  const std::lock_guard lock(watch_.mutex_);
  if (limited_) return "there is no time left, as sluice stops";
  return "no answer within " +
         base::format_duration(std::chrono::duration_cast<std::chrono::microseconds>(bound_));
}

CallWatch::~CallWatch() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void CallWatch::limit(Clock::time_point when) {
  const std::lock_guard lock(mutex_);
  limit_ = when;
  changed_.notify_all();
}

void CallWatch::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wakes_at_ = end_overdue();
    if (wakes_at_ == Clock::time_point::max()) {
      changed_.wait(lock, stop, [this] { return end_overdue() < Clock::time_point::max(); });
    } else {
      changed_.wait_until(lock, stop, wakes_at_, [this] { return end_overdue() < wakes_at_; });
    }
  }
}

/// Answers when the next call is overdue.
CallWatch::Clock::time_point CallWatch::end_overdue() {
  auto next = Clock::time_point::max();
  for (Call* call : calls_) {
    end_if_overdue(*call);
    if (!call->ended_) next = std::min({next, call->deadline_, limit_});
  }
  return next;
}

void CallWatch::end_if_overdue(Call& call) {
  if (call.ended_ || Clock::now() < std::min(call.deadline_, limit_)) return;
  call.ended_ = true;
  call.limited_ = limit_ <= call.deadline_;
  if (call.end_) call.end_();
}

}  // namespace sluice::store
