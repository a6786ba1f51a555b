// Ends a wait for the database that nothing else ends: a plugin's statement may catch its cancellation.
// Inside runtime/store only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace sluice::store {

/// A thread that shuts a socket down at a deadline. start() and stop() are called by one thread.
class TimeLimit {
 public:
  using Clock = std::chrono::steady_clock;

  TimeLimit();
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  void start(int socket, Clock::time_point deadline);
  /// True when it shut the socket down.
  bool stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  int socket_ = -1;  // protected by mutex_, like all below
  std::optional<Clock::time_point> deadline_;
  bool passed_ = false;
  bool ends_ = false;
  std::jthread thread_;
};

}  // namespace sluice::store
