// Ends a wait for the database that nothing else ends, because a plugin's statement may catch its
// cancellation. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <optional>

#include "base/threads.hpp"

namespace sluice::postgres {

/// A thread that shuts down a socket at a deadline. One thread calls start() and stop().
class TimeLimit {
 public:
  using Clock = base::Clock;

  TimeLimit();
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  void start(int socket, Clock::time_point deadline);
  /// True if it has shut down the socket.
  bool stop();

 private:
  void run();

  base::Mutex mutex_;
  base::Condition changed_;
  int socket_ GUARDED_BY(mutex_) = -1;
  std::optional<Clock::time_point> deadline_ GUARDED_BY(mutex_);
  bool passed_ GUARDED_BY(mutex_) = false;
  bool ends_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

}  // namespace sluice::postgres
