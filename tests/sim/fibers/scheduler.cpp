#include "fibers/scheduler.hpp"

#include <cxxabi.h>
#include <boost/context/fixedsize_stack.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::sim {

namespace {

Scheduler* running = nullptr;

constexpr std::size_t stack_size = 256 * 1024;
/// Instead of the number of a wait: the fiber is not waiting, and gets no turn before that time.
constexpr std::uint64_t held_back = 0;
/// What reading a clock takes.
constexpr Duration moment{100};
/// Long after the epoch of the clock, whose beginning means "never" to the engine.
constexpr Time beginning = std::chrono::hours(1000);

/// What the C++ library keeps of the exceptions that a thread handles. A fiber may be left inside a handler,
/// so each has its own.
struct Exceptions {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

void exchange(Exceptions& mine) {
  auto* const present = reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
  std::swap(*present, mine);
}

}  // namespace

class Fiber {
 public:
  Process* process = nullptr;
  std::function<void()> body;
  boost::context::fiber context;
  std::uint64_t id = 0;
  std::uint64_t wait = 0;  // the number of its present or last wait
  std::uint64_t priority = 0;
  bool waiting = false;
  bool in_time = false;
  bool idle = false;
  Exceptions exceptions;
};

Scheduler& Scheduler::now_running() {
  return *running;
}

Scheduler::Scheduler(const Options& options)
    : options_(options),
      random_(mix(options.seed, 1)),
      now_(beginning),
      outside_(std::make_unique<Process>(0, "outside")),
      main_(std::make_unique<Fiber>()),
      current_(main_.get()) {
  main_->process = outside_.get();
  running = this;
  renew_run();
}

Scheduler::~Scheduler() {
  running = nullptr;
  // A fiber that is destroyed would be unwound, and what its frames own would touch what is gone.
  for (auto& fiber : fibers_) new boost::context::fiber(std::move(fiber->context));
}

Process& Scheduler::current_process() const {
  return *current_->process;
}

std::uint64_t Scheduler::id_of(const Fiber* fiber) {
  return fiber->id;
}

Fiber& Scheduler::spawn(Process& process, std::function<void()> body) {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>());
    Fiber& made = *fibers_.back();
    made.context = boost::context::fiber(std::allocator_arg, boost::context::fixedsize_stack(stack_size),
                                         [this, &made](boost::context::fiber&& from) {
                                           from = {};
                                           work(made);
                                           return boost::context::fiber();
                                         });
    idle_.push_back(&made);
  }
  Fiber& fiber = *idle_.back();
  idle_.pop_back();
  static std::uint64_t last_id = 0;
  fiber.id = ++last_id;
  fiber.process = &process;
  fiber.body = std::move(body);
  fiber.priority = random_.next();
  fiber.idle = false;
  make_ready(fiber);
  return fiber;
}

/// A fiber serves one body after the other.
void Scheduler::work(Fiber& fiber) {
  for (;;) {
    fiber.body();
    fiber.body = nullptr;
    fiber.idle = true;
    ++fiber.wait;
    idle_.push_back(&fiber);
    switch_to(pick());
  }
}

void Scheduler::run() {
  stopping_ = false;
  switch_to(pick());
}

void Scheduler::stop() {
  stopping_ = true;
}

Time Scheduler::read_clock() {
  now_ += moment;
  point();
  return now_;
}

void Scheduler::renew_run() {
  run_left_ = 1 + random_.below(2 * options_.mean_run);
}

void Scheduler::point() {
  if (current_ == main_.get() || --run_left_ > 0) return;
  renew_run();
  yield();
}

void Scheduler::yield() {
  if (current_ == main_.get()) return;
  make_ready(*current_);
  switch_to(pick());
}

bool Scheduler::wait(WaitList& list, std::optional<Time> until) {
  Fiber& self = *current_;
  ++self.wait;
  self.waiting = true;
  list.waiting_.push_back({&self, self.wait});
  if (until) timers_.push({std::max(*until, now_), ++timer_number_, &self, self.wait});
  switch_to(pick());
  return self.in_time;
}

void Scheduler::sleep(Duration time) {
  WaitList nobody;
  wait(nobody, now_ + time);
}

void Scheduler::wake(const WaitList::Waiting& waiting, bool in_time) {
  Fiber& fiber = *waiting.fiber;
  if (!fiber.waiting || fiber.wait != waiting.wait || !fiber.process->alive_) return;
  fiber.waiting = false;
  fiber.in_time = in_time;
  make_ready(fiber);
}

void Scheduler::wake_one(WaitList& list) {
  while (!list.waiting_.empty()) {
    const WaitList::Waiting first = list.waiting_.front();
    list.waiting_.pop_front();
    const Fiber& fiber = *first.fiber;
    const bool waits = fiber.waiting && fiber.wait == first.wait && fiber.process->alive_;
    if (!waits) continue;
    return wake(first, true);
  }
}

void Scheduler::wake_all(WaitList& list) {
  for (const WaitList::Waiting& one : std::exchange(list.waiting_, {})) wake(one, true);
}

void Scheduler::make_ready(Fiber& fiber) {
  ready_.push_back(&fiber);
}

void Scheduler::fire_timers() {
  while (!timers_.empty() && timers_.top().at <= now_) {
    const Timer timer = timers_.top();
    timers_.pop();
    if (timer.wait == held_back) {
      make_ready(*timer.fiber);
    } else {
      wake({timer.fiber, timer.wait}, false);
    }
  }
}

void Scheduler::kill(Process& process) {
  process.alive_ = false;
}

void Scheduler::freeze(Process& process) {
  process.frozen_ = true;
}

void Scheduler::thaw(Process& process) {
  process.frozen_ = false;
  process.thawed_at_ = now_;
  for (Fiber* fiber : std::exchange(process.parked_, {})) make_ready(*fiber);
}

/// Dead fibers, those of frozen processes, and the starved one do not run now.
bool Scheduler::is_held(Fiber& fiber) {
  if (!fiber.process->alive_) return true;
  if (fiber.process->frozen_) {
    fiber.process->parked_.push_back(&fiber);
    return true;
  }
  if (&fiber != starved_ || now_ >= starved_until_) return false;
  timers_.push({starved_until_, ++timer_number_, &fiber, held_back});
  return true;
}

/// Every now and then, one fiber gets no turn for up to two seconds.
void Scheduler::choose_starved() {
  if (options_.policy != Policy::starving || now_ < starved_until_ || !random_.chance(0.001)) return;
  starved_ = ready_[random_.below(ready_.size())];
  starved_until_ = now_ + std::chrono::milliseconds(random_.between(1, 2000));
}

std::size_t Scheduler::choose() const {
  std::size_t best = 0;
  for (std::size_t i = 1; i < ready_.size(); ++i) {
    if (ready_[i]->priority > ready_[best]->priority) best = i;
  }
  return best;
}

Fiber* Scheduler::pick() {
  for (;;) {
    if (stopping_) return main_.get();
    fire_timers();
    if (ready_.empty()) {
      if (timers_.empty()) return main_.get();
      now_ = std::max(now_, timers_.top().at);
      continue;
    }
    choose_starved();
    const bool by_priority = options_.policy == Policy::priorities;
    const std::size_t chosen = by_priority ? choose() : random_.below(ready_.size());
    Fiber* const fiber = ready_[chosen];
    ready_[chosen] = ready_.back();
    ready_.pop_back();
    if (is_held(*fiber)) continue;
    constexpr double change = 0.02;  // of who comes first
    if (by_priority && random_.chance(change)) fiber->priority = random_.next();
    return fiber;
  }
}

void Scheduler::switch_to(Fiber* next) {
  Fiber* const previous = current_;
  if (next == previous) return;
  ++switches_;
  exchange(previous->exceptions);
  current_ = next;
  std::move(next->context).resume_with([previous](boost::context::fiber&& from) {
    previous->context = std::move(from);
    return boost::context::fiber();
  });
  exchange(current_->exceptions);
}

}  // namespace sluice::sim
