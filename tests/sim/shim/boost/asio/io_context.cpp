#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <vector>

namespace boost::asio {

namespace {

using sluice::sim::sched;

struct Entry {
  const sluice::sim::Process* process;
  signal_set* signals;
};

std::vector<Entry>& signal_sets() {
  static std::vector<Entry> all;
  return all;
}

}  // namespace

void io_context::run() {
  for (;;) {
    sched().point();
    fire();
    if (!queue_.empty()) {
      const std::function<void()> step = std::move(queue_.front());
      queue_.pop_front();
      step();
      continue;
    }
    if (work_ == 0 && timers_.empty()) return;
    if (timers_.empty()) {
      sched().wait(changed_);
    } else {
      sched().wait(changed_, timers_.begin()->first.time_since_epoch());
    }
  }
}

void io_context::post(std::function<void()> step) {
  queue_.push_back(std::move(step));
  sched().wake_all(changed_);
  sched().point();
}

std::shared_ptr<io_context::Timer> io_context::add_timer(Time at, Handler handler) {
  auto timer = std::make_shared<Timer>(Timer{std::move(handler)});
  timers_.emplace(at, timer);
  return timer;
}

void io_context::cancel(const std::shared_ptr<Timer>& timer) {
  if (timer->over) return;
  timer->over = true;
  const auto found =
      std::find_if(timers_.begin(), timers_.end(), [&](const auto& one) { return one.second == timer; });
  if (found != timers_.end()) timers_.erase(found);
  queue_.emplace_back([timer] { std::exchange(timer->handler, nullptr)({true}); });
}

void io_context::fire() {
  const Time now(sched().now());
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const std::shared_ptr<Timer> timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->over = true;
    queue_.emplace_back([timer] { std::exchange(timer->handler, nullptr)({}); });
  }
}

void signal_set::enter() {
  process_ = &sched().current_process();
  signal_sets().push_back({process_, this});
}

signal_set::~signal_set() {
  std::erase_if(signal_sets(), [this](const Entry& entry) { return entry.signals == this; });
  if (handler_) context_.add_work(-1);
}

void signal_set::async_wait(Handler handler) {
  handler_ = std::move(handler);
  context_.add_work(1);
  answer();
}

void signal_set::deliver(int signal) {
  come_.insert(signal);
  answer();
}

void signal_set::answer() {
  if (!handler_ || come_.empty()) return;
  const int signal = *come_.begin();
  come_.erase(come_.begin());
  context_.add_work(-1);
  context_.post([handler = std::exchange(handler_, nullptr), signal] { handler({}, signal); });
}

void signal_set::cancel() {
  if (!handler_) return;
  context_.add_work(-1);
  context_.post([handler = std::exchange(handler_, nullptr)] { handler({true}, 0); });
}

}  // namespace boost::asio

namespace sluice::sim {

void send_signal(Process& process, int signal) {
  const auto sets = boost::asio::signal_sets();
  for (const auto& entry : sets) {
    if (entry.process == &process && entry.signals->has(signal)) entry.signals->deliver(signal);
  }
}

}  // namespace sluice::sim
