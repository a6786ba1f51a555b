#include "engine/waker.hpp"

#include <utility>

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{250};
constexpr std::chrono::seconds quiet_tick{5};  // while nothing comes
/// Producers notify for a minute after they were last asked to.
constexpr std::chrono::seconds renewal{20};

}  // namespace

Waker::Waker(std::unique_ptr<store::WakeSession> session, Context context)
    : session_(std::move(session)), context_(std::move(context)), thread_([this] { run(); }) {}

Waker::~Waker() {
  stopping_ = true;
  session_->interrupt();
}

void Waker::run() {
  for (int failures = 0; !stopping_;) {
    try {
      listen();
      failures = 0;
      context_.outage.up(this);
    } catch (const store::HeldUp&) {
      pause(++failures);
    } catch (const std::exception& error) {
      context_.outage.down(this, error);
      pause(++failures);
    }
  }
  context_.outage.up(this);
}

void Waker::look() {
  context_.router.wake();
  context_.woken();
}

void Waker::listen() {
  const store::RuntimeId runtime = context_.runtime();
  const store::RuntimeId wanted = policy_.wanted(context_.router.load(), heard_, Clock::now()) ? runtime : 0;
  const auto now = Clock::now();
  if (wanted != told_ || (wanted != 0 && now - told_at_ > renewal)) {
    context_.router.set_announced(session_->want(runtime, wanted != 0) && wanted != 0);
    const bool is_new = wanted != std::exchange(told_, wanted);
    told_at_ = now;
    if (wanted != 0 && is_new) look();  // what was inserted before that was known
  }
  const bool quiet = told_ != 0 && context_.router.load().idle && heard_ == heard_before_;
  heard_before_ = heard_;
  const std::int64_t heard = session_->wait(quiet ? quiet_tick : tick);
  heard_ += heard;
  if (heard > 0) look();
}

/// What was notified meanwhile is lost, and found by looking.
void Waker::pause(int failures) {
  told_ = 0;
  context_.router.set_announced(false);
  const auto until = Clock::now() + reconnect_delay(failures);
  while (!stopping_ && Clock::now() < until) base::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace sluice::engine
