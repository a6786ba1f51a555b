// Fibers that take turns in one thread, and the time in which they live. Whenever a fiber locks, waits, reads
// a clock or asks the store, the seed may let another one go on. If none can, time jumps to the next timer.
// So a run depends on its seed alone.
//
// A fiber belongs to a process. A process that was killed never runs again: its fibers stay where they are,
// and what they own is never released, which is why each run has an operating system's process of its own.
// There is one scheduler at a time. For one thread.
#pragma once

#include <boost/context/fiber.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "fibers/random.hpp"

namespace sluice::sim {

using Duration = std::chrono::nanoseconds;
/// Since the beginning of the virtual epoch.
using Time = std::chrono::nanoseconds;

class Fiber;

/// What the operating system would keep apart: a runtime, a plugin host, the database, the application.
class Process {
 public:
  Process(int id, std::string name) : id_(id), name_(std::move(name)) {}
  virtual ~Process() = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int id() const { return id_; }
  const std::string& name() const { return name_; }
  bool alive() const { return alive_; }
  bool frozen() const { return frozen_; }
  /// It is, or was at `time` or later.
  bool frozen_since(Time time) const { return frozen_ || thawed_at_ >= time; }
  /// How far its wall clock is ahead.
  Duration skew{};

 private:
  friend class Scheduler;
  const int id_;
  const std::string name_;
  bool alive_ = true;
  bool frozen_ = false;
  Time thawed_at_{};
  std::vector<Fiber*> parked_;  // would run if it were not frozen
};

/// Fibers that wait for the same thing.
class WaitList {
 public:
  bool empty() const { return waiting_.empty(); }

 private:
  friend class Scheduler;
  struct Waiting {
    Fiber* fiber;
    std::uint64_t wait;
  };
  std::deque<Waiting> waiting_;
};

/// How the seed chooses who goes on.
enum class Policy { random, priorities, starving };

class Scheduler {
 public:
  struct Options {
    std::uint64_t seed = 1;
    Policy policy = Policy::random;
    std::size_t mean_run = 16;  ///< points between two switches, on average
  };
  explicit Scheduler(const Options& options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  static Scheduler& now_running();

  /// Runs `body` in a fiber of `process` when its turn comes.
  Fiber& spawn(Process& process, std::function<void()> body);
  /// Lets the fibers run until one calls stop(), or until all wait for ever.
  void run();
  void stop();

  Time now() const { return now_; }
  /// A clock is read, which takes a moment, so that nobody can spin for ever.
  Time read_clock();
  /// Another fiber may go on here.
  void point();
  /// Lets another fiber go on, if one can.
  void yield();
  /// Waits for wake() on the list, at most until `until`; false if that came first.
  bool wait(WaitList& list, std::optional<Time> until = std::nullopt);
  void wake_one(WaitList& list);
  void wake_all(WaitList& list);
  void sleep(Duration time);

  void kill(Process& process);
  void freeze(Process& process);
  void thaw(Process& process);

  Process& current_process() const;
  Fiber* current() const { return current_; }
  static std::uint64_t id_of(const Fiber* fiber);
  Random& random() { return random_; }
  std::uint64_t switches() const { return switches_; }

 private:
  struct Timer {
    Time at;
    std::uint64_t number;
    Fiber* fiber;
    std::uint64_t wait;
    bool operator>(const Timer& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  void work(Fiber& fiber);
  void make_ready(Fiber& fiber);
  void wake(const WaitList::Waiting& waiting, bool in_time);
  void fire_timers();
  bool is_held(Fiber& fiber);
  void choose_starved();
  std::size_t choose() const;
  Fiber* pick();
  void switch_to(Fiber* next);
  void renew_run();

  const Options options_;
  Random random_;
  Time now_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> ready_;
  std::vector<Fiber*> idle_;  // whose body has ended
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::unique_ptr<Process> outside_;
  std::unique_ptr<Fiber> main_;
  Fiber* current_;
  Fiber* starved_ = nullptr;
  Time starved_until_{};
  std::uint64_t timer_number_ = 0;
  std::uint64_t switches_ = 0;
  std::size_t run_left_ = 1;
  bool stopping_ = false;
};

inline Scheduler& sched() {
  return Scheduler::now_running();
}

}  // namespace sluice::sim
