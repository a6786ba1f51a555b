// The host's way back to the runtime: whole frames into the socket, from any thread.
//
// Threads that find another one writing leave their frame with it. Outcomes that say no more than
// "done" may wait up to `linger` for company while there is other work, which saves a system call for
// each; the ticket in the shared page has told the runtime already, should the host die meanwhile.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "wire/frame.hpp"

namespace sluice::host {

class Channel {
 public:
  static constexpr std::chrono::microseconds linger{200};
  static constexpr std::size_t full = 64 * 1024;

  explicit Channel(int fd);
  ~Channel();

  /// Writes the frame that `put(std::string&)` appends, and all that waits.
  template <class Put>
  void send(Put put) {
    std::unique_lock lock(mutex_);
    put(waiting_);
    write_waiting(lock);
  }

  /// As send, but may wait for company.
  template <class Put>
  void send_later(Put put) {
    std::unique_lock lock(mutex_);
    const bool first = waiting_.empty();
    put(waiting_);
    if (waiting_.size() >= full) {
      write_waiting(lock);
    } else if (first) {
      something_waits_.notify_one();
    }
  }

 private:
  void write_waiting(std::unique_lock<std::mutex>& lock);
  void write_all(const std::string& bytes) const;
  void flush_after_linger(const std::stop_token& stop);

  const int fd_;
  std::mutex mutex_;
  std::condition_variable_any something_waits_;
  std::string waiting_;   // protected by mutex_
  bool writing_ = false;  // protected by mutex_
  std::jthread flusher_;
};

}  // namespace sluice::host
