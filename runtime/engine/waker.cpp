#include "engine/waker.hpp"

#include <utility>

namespace sluice::engine {

namespace {

constexpr std::chrono::milliseconds tick{250};

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
  if (wanted != told_) {
    session_->want(runtime, wanted != 0);
    told_ = wanted;
    if (wanted != 0) look();  // what was inserted before that was known
  }
  const std::int64_t heard = session_->wait(tick);
  heard_ += heard;
  if (heard > 0) look();
}

/// What was notified meanwhile is lost, and found by looking.
void Waker::pause(int failures) {
  told_ = 0;
  const auto until = Clock::now() + reconnect_delay(failures);
  while (!stopping_ && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace sluice::engine
