#include "engine/pump/waker.hpp"

#include <utility>

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{250};
constexpr std::chrono::seconds quiet_tick{5};  // while nothing comes
/// Producers notify for a minute after the last request.
constexpr std::chrono::seconds renewal{20};
constexpr std::chrono::seconds held_up_pause{1};

}  // namespace

void Waker::renew(store::ClaimSession& session, store::RuntimeId runtime, Clock::time_point now) {
  const store::RuntimeId wanted = policy_.wanted(lanes_.load(), heard_, now) ? runtime : 0;
  const bool due = wanted != announced_ || (wanted != 0 && now - announced_at_ > renewal);
  if (!due || now < not_before_) return;
  try {
    lanes_.set_announced(session.want(wanted != 0) && wanted != 0);
  } catch (const store::HeldUp&) {
    not_before_ = now + held_up_pause;
    return;
  }
  const bool is_new = wanted != std::exchange(announced_, wanted);
  announced_at_ = now;
  if (wanted != 0 && is_new) lanes_.wake();  // for jobs that were inserted before the request took effect
}

Clock::time_point Waker::next_renewal(Clock::time_point now) {
  const bool quiet = announced_ != 0 && heard_ == std::exchange(heard_before_, heard_) && lanes_.load().idle;
  return now + (quiet ? quiet_tick : tick);
}

void Waker::on_notified(std::int64_t notifications) {
  heard_ += notifications;
  lanes_.wake();
}

void Waker::on_lost() {
  announced_ = 0;
  lanes_.set_announced(false);
}

}  // namespace sluice::engine
