// See io_context.hpp. For the loop's fiber.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <utility>
#include <vector>

namespace boost::asio {

class steady_timer {
 public:
  explicit steady_timer(io_context& context) : context_(context) {}
  template <typename Delay>
  steady_timer(io_context& context, Delay delay) : context_(context) {
    expires_after(delay);
  }
  steady_timer(const steady_timer&) = delete;
  steady_timer& operator=(const steady_timer&) = delete;
  ~steady_timer() { cancel(); }

  template <typename Delay>
  void expires_after(Delay delay) {
    cancel();
    at_ = sluice::base::Clock::now() + delay;
  }
  template <typename Handler>
  void async_wait(Handler handler) {
    pending_.push_back(context_.add_timer(at_, std::move(handler)));
  }
  void cancel() {
    for (const auto& timer : std::exchange(pending_, {})) context_.cancel(timer);
  }

 private:
  io_context& context_;
  io_context::Time at_{};
  std::vector<std::shared_ptr<io_context::Timer>> pending_;
};

}  // namespace boost::asio
