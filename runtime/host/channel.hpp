// The host's way back to the runtime: writes complete frames to the socket, from any thread.
//
// A thread that finds another one writing leaves its frame to that thread. An outcome that says only "done"
// may wait up to `linger` for others while there is other work, which saves a system call for each. If the
// host dies before it is written, the ticket in the shared page has already told the runtime.
#pragma once

#include <chrono>
#include <string>

#include "base/threads.hpp"
#include "wire/frame.hpp"
#include "wire/log_limit.hpp"

namespace sluice::host {

class Channel {
 public:
  static constexpr std::chrono::microseconds linger{200};
  static constexpr std::size_t full = 64 * 1024;

  explicit Channel(int fd) : fd_(fd) {}
  ~Channel();
  /// Starts the thread that send_later needs. Not before the process is confined.
  void begin();

  void limit_log(std::uint32_t lines_per_second);
  /// Sends the line, unless it is over the limit. Once a second, the runtime is told how many were.
  void log(const wire::LogLine& line);

  /// Writes the frame that `put(std::string&)` appends, and everything that waits.
  template <class Put>
  void send(Put put) {
    const base::Lock lock(mutex_);
    put(waiting_);
    write_waiting();
  }

  /// Like send, but the frame may wait for others.
  template <class Put>
  void send_later(Put put) {
    const base::Lock lock(mutex_);
    const bool first = waiting_.empty();
    put(waiting_);
    if (waiting_.size() >= full) {
      write_waiting();
    } else if (first) {
      something_waits_.notify_one();
    }
  }

 private:
  void write_waiting() REQUIRES(mutex_);
  void write_all(const std::string& bytes) const;
  void flush_after_linger();
  void await_work() REQUIRES(mutex_);
  bool must_tell_dropped() const REQUIRES(mutex_);

  // constant
  const int fd_;

  base::Mutex mutex_;
  base::Condition something_waits_;
  std::string waiting_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  bool closing_ GUARDED_BY(mutex_) = false;
  wire::LogLimit log_limit_ GUARDED_BY(mutex_){wire::LogLimit::default_lines};
  std::uint64_t dropped_ GUARDED_BY(mutex_) = 0;  // log lines, since the runtime was last told
  base::Clock::time_point tell_at_ GUARDED_BY(mutex_){};

  base::Thread flusher_;
};

}  // namespace sluice::host
