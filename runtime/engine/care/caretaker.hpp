// The caretaker: a thread that works in rounds. It makes scheduled jobs pending, handles requests to cancel,
// publishes what the runtime shows, rescues lost runtimes, and tidies up. It enlists the runtime, and does so
// again if the heart finds it gone. Each step is short and does not wait for others: a step that a lock holds
// up is tried again in the next round, and the other steps continue.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/threads.hpp"
#include "config/config.hpp"
#include "engine/care/heart.hpp"
#include "engine/care/hold.hpp"
#include "engine/care/presence.hpp"
#include "engine/care/rescue.hpp"
#include "engine/care/schedule.hpp"
#include "engine/lanes/lanes.hpp"
#include "engine/pump/outage.hpp"
#include "engine/watch/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Caretaker {
 public:
  struct Context {
    store::Store& store;
    const config::Config& config;
    Lanes& lanes;
    Outage& outage;
    Heart& heart;
    Tally& tally;
    Presence& presence;
    store::RuntimeInfo info;
    std::function<void()> became_pending;  ///< waiting jobs may be claimable; on the caretaker's thread
    /// Jobs of this runtime whose cancellation was requested; reported repeatedly until they are gone.
    std::function<void(std::vector<std::string> ids)> cancel;
    std::function<void()> leaving;  ///< called before the last calls of the store
  };

  /// Enlists the runtime; throws what the store throws.
  explicit Caretaker(Context context);
  /// Deletes the runtime's row.
  ~Caretaker();

  /// Like PumpContext::runtime. [any-thread]
  store::RuntimeId runtime(store::RuntimeId fenced);
  /// Sets the types that are served from now on. [any-thread]
  void serve(std::vector<store::ServedType> types);
  /// Jobs were inserted, and one may be due before the next round. [any-thread]
  void poke();
  /// Announces `text` to all listeners as soon as possible. [any-thread]
  void announce(std::string text);
  /// These jobs ran or started, and their outcome was not written. At the end they are not given back as if
  /// they had not started. [any-thread]
  void unwritten(std::vector<std::string> ids);
  /// The runtime is stopping: runtime() stops waiting. [any-thread]
  void let_go();

 private:
  void run();
  bool wait_for_round();
  bool has_to_do(Clock::duration pause) const REQUIRES(mutex_);
  Clock::duration pause() const;
  void look_after();
  template <class Step>
  void attempt(const char* what, Step step);
  void say_what_holds_up();
  store::RuntimeId enlisted() const;
  bool lost() const;
  void serve_now();
  void enlist();
  void enlist_anew();
  void make_announcements();
  void promote();
  void read_paused();
  void cancel_requested();
  void rescue();
  void tidy();
  // constant
  const Context context_;

  // used by the caretaker's thread alone
  std::unique_ptr<store::CareSession> session_;
  Schedule schedule_;
  Rescue rescue_;
  Clock::time_point next_tidy_{};
  Clock::time_point next_paused_{};
  int failures_ = 0;
  std::string refused_;  // what the database refused in this round
  std::string held_up_;  // what a lock held up in this round
  Hold table_;           // by locks on whole tables

  mutable base::Mutex mutex_;
  base::Condition changed_;
  store::RuntimeId runtime_ GUARDED_BY(mutex_) = 0;
  std::optional<std::vector<store::ServedType>> to_serve_ GUARDED_BY(mutex_);
  std::vector<store::ServedType> served_ GUARDED_BY(mutex_);
  std::vector<std::string> to_announce_ GUARDED_BY(mutex_);
  store::Unfinished unfinished_ GUARDED_BY(mutex_);
  bool enlist_ GUARDED_BY(mutex_) = false;
  bool let_go_ GUARDED_BY(mutex_) = false;
  bool poked_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

}  // namespace sluice::engine
