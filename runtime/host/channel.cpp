#include "host/channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sluice::host {

void Channel::begin() {
  flusher_ = base::Thread([this] { flush_after_linger(); });
}

Channel::~Channel() {
  {
    const base::Lock lock(mutex_);
    closing_ = true;
  }
  something_waits_.notify_all();
}

void Channel::limit_log(std::uint32_t lines_per_second) {
  const base::Lock lock(mutex_);
  log_limit_.set(lines_per_second);
}

void Channel::log(const wire::LogLine& line) {
  constexpr std::chrono::seconds interval{1};
  const auto now = base::Clock::now();
  const base::Lock lock(mutex_);
  if (log_limit_.admits(line.level, wire::size_of(line), now)) {
    wire::put_log(waiting_, line);
    write_waiting();
  } else if (++dropped_ == 1) {
    tell_at_ = now + interval;
    something_waits_.notify_one();
  }
}

/// Releases the mutex while it writes.
void Channel::write_waiting() {
  if (writing_) return;
  writing_ = true;
  std::string batch;
  while (!waiting_.empty()) {
    batch.clear();
    std::swap(batch, waiting_);
    mutex_.unlock();
    write_all(batch);
    mutex_.lock();
  }
  writing_ = false;
}

void Channel::write_all(const std::string& bytes) const {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (written >= 0) {
      at += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      _exit(0);  // the runtime is gone, and nobody else wants to know
    }
  }
}

/// Also writes what still waits at the end.
void Channel::flush_after_linger() {
  base::Lock lock(mutex_);
  for (;;) {
    await_work();
    if (must_tell_dropped()) wire::put_dropped(waiting_, std::exchange(dropped_, 0));
    if (waiting_.empty()) return;
    lock.unlock();
    base::sleep_for(linger);
    lock.lock();
    write_waiting();
  }
}

void Channel::await_work() {
  while (!closing_ && waiting_.empty() && !must_tell_dropped()) {
    if (dropped_ > 0) {
      something_waits_.wait_until(mutex_, tell_at_);
    } else {
      something_waits_.wait(mutex_);
    }
  }
}

bool Channel::must_tell_dropped() const {
  return dropped_ > 0 && (closing_ || base::Clock::now() >= tell_at_);
}

}  // namespace sluice::host
