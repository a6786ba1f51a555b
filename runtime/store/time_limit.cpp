#include "store/time_limit.hpp"

#include <sys/socket.h>

#include <utility>

namespace sluice::store {

TimeLimit::TimeLimit() : thread_([this] { run(); }) {}

TimeLimit::~TimeLimit() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
}

void TimeLimit::start(int socket, Clock::time_point deadline) {
  {
    const std::lock_guard lock(mutex_);
    socket_ = socket;
    deadline_ = deadline;
    passed_ = false;
  }
  changed_.notify_one();
}

bool TimeLimit::stop() {
  const std::lock_guard lock(mutex_);
  deadline_.reset();
  return std::exchange(passed_, false);
}

void TimeLimit::run() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    if (!deadline_) {
      changed_.wait(lock);
    } else if (const auto deadline = *deadline_; Clock::now() < deadline) {
      changed_.wait_until(lock, deadline);
    } else {
      shutdown(socket_, SHUT_RDWR);
      deadline_.reset();
      passed_ = true;
    }
  }
}

}  // namespace sluice::store
