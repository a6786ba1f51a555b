// See io_context.hpp. A signal that comes while nobody waits is remembered.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <set>
#include <utility>

namespace boost::asio {

class signal_set {
 public:
  using Handler = std::function<void(const Failure&, int)>;

  template <typename... Signals>
  explicit signal_set(io_context& context, Signals... signals) : context_(context), signals_{signals...} {
    enter();
  }
  signal_set(const signal_set&) = delete;
  signal_set& operator=(const signal_set&) = delete;
  ~signal_set();

  void async_wait(Handler handler);
  void cancel();
  /// From any fiber.
  void deliver(int signal);
  bool has(int signal) const { return signals_.contains(signal); }

 private:
  void enter();
  void answer();

  io_context& context_;
  const std::set<int> signals_;
  sluice::sim::Process* process_ = nullptr;
  std::multiset<int> come_;
  Handler handler_;
};

}  // namespace boost::asio

namespace sluice::sim {

/// Sends a signal to a simulated process. One that nobody has asked for is lost.
void send_signal(Process& process, int signal);

}  // namespace sluice::sim
