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
    while (!closing_ && waiting_.empty()) something_waits_.wait(mutex_);
    if (waiting_.empty()) return;
    lock.unlock();
    base::sleep_for(linger);
    lock.lock();
    write_waiting();
  }
}

}  // namespace sluice::host
