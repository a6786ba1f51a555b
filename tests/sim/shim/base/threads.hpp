// What base/threads.hpp has, over fibers and virtual time. The simulated sources find this file first, so
// nothing in them changes. The annotations mean the same; GCC ignores them.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "fibers/scheduler.hpp"

#ifdef __clang__
#define SLUICE_THREAD_SAFETY(what) __attribute__((what))
#else
#define SLUICE_THREAD_SAFETY(what)
#endif
#define CAPABILITY(name) SLUICE_THREAD_SAFETY(capability(name))
#define SCOPED_CAPABILITY SLUICE_THREAD_SAFETY(scoped_lockable)
#define GUARDED_BY(mutex) SLUICE_THREAD_SAFETY(guarded_by(mutex))
#define REQUIRES(...) SLUICE_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) SLUICE_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define RELEASE(...) SLUICE_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define ASSERT_CAPABILITY(mutex) SLUICE_THREAD_SAFETY(assert_capability(mutex))

namespace sluice::base {

/// Virtual time.
struct Clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
  static time_point now() { return time_point(sim::sched().read_clock()); }
};

/// Virtual time of day: each process has its own.
struct WallClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
  static time_point now() {
    constexpr std::chrono::hours new_year_2026{24 * 20454};
    return time_point(new_year_2026 + sim::sched().read_clock() + sim::sched().current_process().skew);
  }
};

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() {
    sim::sched().point();
    while (owner_ != nullptr) sim::sched().wait(waiting_);
    owner_ = sim::sched().current();
  }
  void unlock() RELEASE() {
    owner_ = nullptr;
    sim::sched().wake_one(waiting_);
  }
  void assert_held() const ASSERT_CAPABILITY(this) {}

 private:
  const sim::Fiber* owner_ = nullptr;
  sim::WaitList waiting_;
};

class SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }
  void lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) { wait(mutex, std::nullopt); }
  bool wait_until(Mutex& mutex, Clock::time_point time) REQUIRES(mutex) {
    return wait(mutex, time.time_since_epoch());
  }
  void notify_one() { sim::sched().wake_one(waiting_); }
  void notify_all() { sim::sched().wake_all(waiting_); }

 private:
  bool wait(Mutex& mutex, std::optional<sim::Time> until) REQUIRES(mutex) {
    mutex.unlock();
    const bool in_time = sim::sched().wait(waiting_, until);
    mutex.lock();
    return in_time;
  }

  sim::WaitList waiting_;
};

class Thread {
 public:
  using Id = std::uint64_t;

  Thread() = default;
  template <class Run>
  explicit Thread(Run run) : state_(std::make_shared<State>()) {
    sim::sched().spawn(sim::sched().current_process(), [state = state_, run = std::move(run)]() mutable {
      run();
      state->over = true;
      sim::sched().wake_all(state->joining);
    });
  }
  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) noexcept {
    if (joinable()) join();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Thread() {
    if (joinable()) join();
  }

  bool joinable() const { return state_ != nullptr; }
  void join() {
    while (!state_->over) sim::sched().wait(state_->joining);
    state_.reset();
  }
  void detach() { state_.reset(); }

  static Id current() { return sim::Scheduler::id_of(sim::sched().current()); }
  static unsigned cores() { return 2; }

 private:
  struct State {
    bool over = false;
    sim::WaitList joining;
  };
  std::shared_ptr<State> state_;
};

void sleep_for(Clock::duration time);
std::uint64_t random_number();
double random_fraction();

}  // namespace sluice::base
