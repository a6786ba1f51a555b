// Threads, locks, waits, clocks and randomness. The runtime gets them only from here, and tests/floors.py
// checks that. So a build for tests can replace them: with threads that take turns, a clock that is set by
// hand, and numbers from a seed.
//
// A member that a mutex protects is marked GUARDED_BY(mutex_). A function whose caller must hold the mutex,
// and a lambda that reads protected members, are marked REQUIRES(mutex_). Clang checks both in CI
// (-Wthread-safety).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

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

/// Time for waits and durations: it never goes back.
using Clock = std::chrono::steady_clock;
/// The time of day, which may be set.
using WallClock = std::chrono::system_clock;

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() { native_.lock(); }
  void unlock() RELEASE() { native_.unlock(); }
  /// Tells clang that the caller holds this mutex under another name, which clang can't see. Does nothing.
  void assert_held() const ASSERT_CAPABILITY(this) {}

 private:
  friend class Condition;

  std::mutex native_;
};

/// Holds a mutex until the end of a block.
class SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Lets the mutex go before the end of the block.
  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }
  /// Takes it again.
  void lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// A condition variable. Always use it with the mutex that protects the condition. A wait may end without a
/// notification, so the caller must check the condition again.
class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock lock(mutex.native_, std::adopt_lock);
    native_.wait(lock);
    lock.release();
  }
  /// False when `time` has come.
  bool wait_until(Mutex& mutex, Clock::time_point time) REQUIRES(mutex) {
    std::unique_lock lock(mutex.native_, std::adopt_lock);
    const bool in_time = native_.wait_until(lock, time) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }
  void notify_one() { native_.notify_one(); }
  void notify_all() { native_.notify_all(); }

 private:
  std::condition_variable native_;
};

/// A thread that its destructor joins. Tell its function to end first.
class Thread {
 public:
  using Id = std::thread::id;

  Thread() = default;
  template <class Run>
  explicit Thread(Run run) : native_(std::move(run)) {}

  /// True while it runs, and after that until it is joined.
  bool joinable() const { return native_.joinable(); }
  void join() { native_.join(); }
  /// Lets it run by itself; it can't be joined any more.
  void detach() { native_.detach(); }

  /// The id of the calling thread.
  static Id current() { return std::this_thread::get_id(); }
  /// How many threads the machine runs at once; 0 if unknown.
  static unsigned cores() { return std::thread::hardware_concurrency(); }

 private:
  std::jthread native_;
};

void sleep_for(Clock::duration time);

/// 64 random bits: unique for practical purposes. Throws std::system_error.
std::uint64_t random_number();
/// In [0, 1), for randomised times. Uses a generator per thread, so it makes no system call.
double random_fraction();

}  // namespace sluice::base
