// The part of Boost.Asio that the fleet uses, over virtual time: an event loop, timers, signals and post().
// The simulated sources find these headers instead of Boost's. A loop belongs to the process whose fiber made
// it. As with Boost's, a handler that has been queued is called, whatever is cancelled afterwards.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <utility>

#include "base/threads.hpp"

namespace boost::asio {

/// True: the operation was cancelled.
struct Failure {
  bool cancelled = false;
  explicit operator bool() const { return cancelled; }
};

class io_context {
 public:
  using Time = sluice::base::Clock::time_point;
  using Handler = std::function<void(const Failure&)>;
  using executor_type = io_context*;
  struct Timer {
    Handler handler;
    bool over = false;
  };

  explicit io_context(int /*concurrency*/ = 0) {}
  io_context(const io_context&) = delete;
  io_context& operator=(const io_context&) = delete;

  /// Until nothing is left to wait for.
  void run();
  /// From any fiber.
  void post(std::function<void()> step);
  std::shared_ptr<Timer> add_timer(Time at, Handler handler);
  void cancel(const std::shared_ptr<Timer>& timer);
  /// So many things keep the loop running, beside timers.
  void add_work(int work) { work_ += work; }

 private:
  void fire();

  std::list<std::function<void()>> queue_;
  std::multimap<Time, std::shared_ptr<Timer>> timers_;
  int work_ = 0;
  sluice::sim::WaitList changed_;
};

template <typename Step>
void post(io_context& context, Step step) {
  context.post(std::move(step));
}

template <typename Executor>
class executor_work_guard {
 public:
  explicit executor_work_guard(io_context& context) : context_(&context) { context.add_work(1); }
  executor_work_guard(executor_work_guard&& other) noexcept
      : context_(std::exchange(other.context_, nullptr)) {}
  executor_work_guard& operator=(executor_work_guard&&) = delete;
  ~executor_work_guard() { reset(); }
  void reset() {
    if (context_ == nullptr) return;
    context_->add_work(-1);
    std::exchange(context_, nullptr)->post([] {});
  }

 private:
  io_context* context_;
};

inline executor_work_guard<io_context::executor_type> make_work_guard(io_context& context) {
  return executor_work_guard<io_context::executor_type>(context);
}

}  // namespace boost::asio
