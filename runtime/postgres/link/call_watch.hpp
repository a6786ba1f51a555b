// An end for every call to the database. A server that is stopped or cut off never answers, and neither the
// keepalives of its machine's kernel nor its own timeouts notice: so a thread of ours ends the socket of a
// call whose time is up. Thread-safe. Inside runtime/postgres only.
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
    /// It may take `bound`, and no longer than the watch's limit.
    Call(CallWatch& watch, Clock::duration bound);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    /// `end` is called when the time is up, by whichever thread; now, where it is. It has to be quick.
    void attach(std::function<void()> end);
    /// Nothing is called any more.
    void detach();
    /// The time is up.
    bool ended() const;
    /// Why it was ended: "no answer within 30 s".
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

  /// No call goes on beyond `when`, and later ones end at once. It may be set anew.
  void limit(Clock::time_point when);

 private:
  void run();
  Clock::time_point end_overdue() REQUIRES(mutex_);
  void end_if_overdue(Call& call) REQUIRES(mutex_);

  base::Mutex mutex_;
  base::Condition changed_;
  std::set<Call*> calls_ GUARDED_BY(mutex_);
  Clock::time_point limit_ GUARDED_BY(mutex_) = Clock::time_point::max();
  /// The thread looks again then; min: it looks now.
  Clock::time_point wakes_at_ GUARDED_BY(mutex_) = Clock::time_point::min();
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;  // begins with the first call
};

}  // namespace sluice::postgres
