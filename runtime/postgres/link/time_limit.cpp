#include "postgres/link/time_limit.hpp"

#include <sys/socket.h>

#include <utility>

namespace sluice::postgres {

TimeLimit::TimeLimit() : thread_([this] { run(); }) {}

TimeLimit::~TimeLimit() {
  {
    const base::Lock lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
}

void TimeLimit::start(int socket, Clock::time_point deadline) {
  {
    const base::Lock lock(mutex_);
    socket_ = socket;
    deadline_ = deadline;
    passed_ = false;
  }
  changed_.notify_one();
}

bool TimeLimit::stop() {
  const base::Lock lock(mutex_);
  deadline_.reset();
  return std::exchange(passed_, false);
}

void TimeLimit::run() {
  const base::Lock lock(mutex_);
  while (!ends_) {
    if (!deadline_) {
      changed_.wait(mutex_);
    } else if (const auto deadline = *deadline_; Clock::now() < deadline) {
      changed_.wait_until(mutex_, deadline);
    } else {
      shutdown(socket_, SHUT_RDWR);
      deadline_.reset();
      passed_ = true;
    }
  }
}

}  // namespace sluice::postgres
