// The host's way back to the runtime: whole frames into the socket, from any thread.
//
// Threads that find another one writing leave their frame with it. Outcomes that say no more than
// "done" may wait up to `linger` for company while there is other work, which saves a system call for
// each; the ticket in the shared page has told the runtime already, should the host die meanwhile.
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

  explicit Channel(int fd);
  ~Channel();

  /// Writes the frame that `put(std::string&)` appends, and all that waits.
  template <class Put>
  void send(Put put) {
    const base::Lock lock(mutex_);
    put(waiting_);
    write_waiting();
  }

  /// As send, but may wait for company.
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
