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

namespace sluice::host {

class Channel {
 public:
  static constexpr std::chrono::microseconds linger{200};
  static constexpr std::size_t full = 64 * 1024;

  explicit Channel(int fd) : fd_(fd) {}
  ~Channel();
  /// Starts the thread that send_later needs. Not before the process is confined.
  void begin();

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

  // constant
  const int fd_;

  base::Mutex mutex_;
  base::Condition something_waits_;
  std::string waiting_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  bool closing_ GUARDED_BY(mutex_) = false;

  base::Thread flusher_;
};

}  // namespace sluice::host
