// An end for every call to the database. A server that is stopped or cut off never answers, and neither the
// keepalives of its machine's kernel nor its own timeouts notice: so a thread of ours ends the socket of a
// call whose time is up. Thread-safe. Inside runtime/store only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace sluice::store {

class CallWatch {
 public:
  using Clock = std::chrono::steady_clock;

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

    CallWatch& watch_;
    const Clock::duration bound_;
    const Clock::time_point deadline_;
    std::function<void()> end_;  // protected by the watch's mutex, like the next
    bool ended_ = false;
    bool limited_ = false;  // by the watch's limit
  };

  CallWatch() = default;
  ~CallWatch();
  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

  /// No call goes on beyond `when`, and later ones end at once. It may be set anew.
  void limit(Clock::time_point when);

 private:
  void run(const std::stop_token& stop);
  Clock::time_point end_overdue();
  void end_if_overdue(Call& call);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<Call*> calls_;  // protected by mutex_, like all below
  Clock::time_point limit_ = Clock::time_point::max();
  Clock::time_point wakes_at_ = Clock::time_point::min();  // the thread looks again then; min: it looks now

  std::jthread thread_;  // begins with the first call
};

}  // namespace sluice::store
