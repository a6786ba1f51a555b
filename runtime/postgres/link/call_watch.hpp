// A time limit for every call to the database. A server that is stopped or cut off never answers, and neither
// the keepalives of its machine's kernel nor its own timeouts notice. So a thread of ours closes the socket
// of a call whose time is up. Thread-safe. Inside runtime/postgres only.
#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <string>

#include "base/threads.hpp"

namespace sluice::postgres {

class CallWatch {
 public:
  using Clock = base::Clock;

  /// One call, from its beginning to its destruction. Used by one thread.
  class Call {
   public:
    /// The call may take `bound`, but not beyond the watch's limit.
    Call(CallWatch& watch, Clock::duration bound);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    /// `end` is called when the time is up, by any thread; at once if it already is. It must be quick.
    void attach(std::function<void()> end);
    /// After this, `end` is not called any more.
    void detach();
    /// The time is up.
    bool ended() const;
    /// Why the call was ended: "no answer within 30 s".
    std::string reason() const;

   private:
    friend class CallWatch;

    // constant
    CallWatch& watch_;
    const Clock::duration bound_;
    const Clock::time_point deadline_;

    std::function<void()> end_ GUARDED_BY(watch_.mutex_);
    bool ended_ GUARDED_BY(watch_.mutex_) = false;
    bool limited_ GUARDED_BY(watch_.mutex_) = false;  // by the watch's limit
  };

  CallWatch() = default;
  ~CallWatch();
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

  /// No call continues beyond `when`, and later ones end at once. It may be set again.
  void limit(Clock::time_point when);

 private:
  void run();
  Clock::time_point end_overdue() REQUIRES(mutex_);
  void end_if_overdue(Call& call) REQUIRES(mutex_);

  base::Mutex mutex_;
  base::Condition changed_;
  std::set<Call*> calls_ GUARDED_BY(mutex_);
  Clock::time_point limit_ GUARDED_BY(mutex_) = Clock::time_point::max();
  /// When the thread looks again; min: it is looking now.
  Clock::time_point wakes_at_ GUARDED_BY(mutex_) = Clock::time_point::min();
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;  // starts with the first call
};

}  // namespace sluice::postgres
