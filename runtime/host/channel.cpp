#include "host/channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sluice::host {

Channel::Channel(int fd)
    : fd_(fd), flusher_([this](const std::stop_token& stop) { flush_after_linger(stop); }) {}

Channel::~Channel() {
  flusher_.request_stop();
  something_waits_.notify_all();
}

void Channel::write_waiting(std::unique_lock<std::mutex>& lock) {
  if (writing_) return;
  writing_ = true;
  std::string batch;
  while (!waiting_.empty()) {
    batch.clear();
    std::swap(batch, waiting_);
    lock.unlock();
    write_all(batch);
    lock.lock();
  }
  writing_ = false;
}

void Channel::write_all(const std::string& bytes) const {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (written >= 0) {
      at += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      _exit(0);  // the runtime is gone, and with it whoever wanted to know
    }
  }
}

void Channel::flush_after_linger(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (something_waits_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    lock.unlock();
    std::this_thread::sleep_for(linger);
    lock.lock();
    write_waiting(lock);
  }
}

}  // namespace sluice::host
