// The heart: a thread with its own connection that reports in regular beats that the runtime is alive. It
// waits for nothing else, so nothing that holds up the caretaker or another thread holds up a beat. Its beats
// show whether the database answers, and since when.
#pragma once

#include <memory>
#include <optional>

#include "base/threads.hpp"
#include "config/config.hpp"
#include "engine/clock.hpp"
#include "engine/pump/outage.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Heart {
 public:
  Heart(store::Store& store, const config::Config& config, Outage& outage);
  ~Heart();

  // All of these may be called by any thread.

  /// Beats for `runtime` from now on, starting at once.
  void beat_for(store::RuntimeId runtime);
  /// A beat found that this runtime is no longer enlisted.
  bool lost(store::RuntimeId runtime) const;
  /// Since when beats have been answered without a gap, by the database's clock, in seconds since 1970;
  /// nullopt unless two in a row were.
  std::optional<double> steady_since() const;
  /// The last of its beats, by the same clock. Read it before steady_since().
  double last_beat() const;
  /// How long ago the database last answered. If that is not recent, another beat is tried first, for at most
  /// `patience`.
  Clock::duration since_answer(std::chrono::milliseconds patience);
  /// Stops beating.
  void stop();

 private:
  void run();
  void beat(store::RuntimeId runtime);
  void took(store::RuntimeId runtime, std::optional<double> at);
  void failed(bool answered);

  // constant
  const config::Config& config_;
  Outage& outage_;

  // used by the thread alone
  const std::unique_ptr<store::HeartSession> session_;

  mutable base::Mutex mutex_;
  base::Condition changed_;
  store::RuntimeId runtime_ GUARDED_BY(mutex_) = 0;  // 0: no runtime to beat for
  store::RuntimeId lost_ GUARDED_BY(mutex_) = 0;
  Clock::time_point next_ GUARDED_BY(mutex_){};
  Clock::time_point answered_ GUARDED_BY(mutex_) = Clock::now();
  int failures_ GUARDED_BY(mutex_) = 0;
  int beats_ GUARDED_BY(mutex_) = 0;       // in a row
  double since_ GUARDED_BY(mutex_) = 0;    // the first of these, by the database's clock
  double last_at_ GUARDED_BY(mutex_) = 0;  // the last one
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

}  // namespace sluice::engine
