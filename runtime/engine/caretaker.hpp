// The caretaker: a thread that makes due jobs pending, rescues the jobs of runtimes that are lost, writes
// what the runtime shows, and tidies up. It enlists the runtime, again where the heart finds it gone. Each
// step is short and waits for nobody: one that somebody's lock holds up is tried again in the next round, and
// the others go on.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/config.hpp"
#include "base/threads.hpp"
#include "engine/heart.hpp"
#include "engine/lanes.hpp"
#include "engine/outage.hpp"
#include "engine/presence.hpp"
#include "engine/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Caretaker {
 public:
  struct Context {
    store::Store& store;
    const base::Config& config;
    Lanes& lanes;
    Outage& outage;
    Heart& heart;
    Tally& tally;
    Presence& presence;
    store::RuntimeInfo info;
    std::function<void()> became_pending;  ///< jobs that wait may be claimed now; on the caretaker's thread
    /// Jobs of this runtime that someone wants to end; told again and again until they are gone.
    std::function<void(std::vector<std::string> ids)> cancel;
    std::function<void()> leaving;  ///< called before the last calls
  };

  /// Enlists the runtime; throws what the store throws.
  explicit Caretaker(Context context);
  /// Ends the runtime's row.
  ~Caretaker();

  /// As PumpContext::runtime. [any-thread]
  store::RuntimeId runtime(store::RuntimeId fenced);
  /// Says which types are served from now on. [any-thread]
  void serve(std::vector<store::ServedType> types);
  /// Jobs were inserted: one may be due before what is waited for. [any-thread]
  void poke();
  /// Announces `text` to whoever listens, as soon as may be. [any-thread]
  void announce(std::string text);
  /// These jobs ran, or began to, and their outcome was not written: at the end they are not given back as if
  /// they had not. [any-thread]
  void unwritten(std::vector<std::string> ids);
  /// The runtime stops: runtime() waits no more. [any-thread]
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
  void say_which_rows_are_held(const store::Promoted& promoted);
  std::string blocker(const std::optional<std::string>& job);
  store::RuntimeId enlisted() const;
  bool lost() const;
  void serve_now();
  void enlist();
  void enlist_anew();
  void make_announcements();
  void promote();
  void cancel_requested();
  void rescue();
  void tidy();
  void report(const store::Rescued& rescued) const;

  /// Something that is held up by others' locks, and was said to be.
  struct Hold {
    std::optional<Clock::time_point> since{};
    Clock::time_point last{};
    bool said = false;
  };
  /// Tells the lanes of jobs that are being made pending.
  class Change {
   public:
    explicit Change(Lanes& lanes) : lanes_(lanes) {}
    void begin();
    /// `any`: some were; `more`: some will be, nothing is exhausted until then.
    void end(bool any, bool more);
    bool is_open() const { return open_; }

   private:
    Lanes& lanes_;
    bool open_ = false;
  };

  // constant
  const Context context_;

  // used by the caretaker's thread alone
  std::unique_ptr<store::CareSession> session_;
  Clock::time_point next_rescue_{};
  Clock::time_point next_complaint_{};  // about a job whose rescue is refused
  Clock::time_point next_tidy_{};
  int failures_ = 0;
  int quiet_rounds_ = 0;                       // one after the other, without a job under way
  std::optional<Clock::time_point> next_due_;  // the next schedule, as far as is known
  std::string refused_;                        // what the database said no to in this round
  std::string held_up_;                        // what a lock held up in this round
  Hold table_;                                 // by locks on whole tables
  Hold rows_;                                  // by locks on rows that are due
  Change promoting_;                           // open while more are due
  Change rescuing_;                            // open while a drain waits for the lease of others
  std::size_t ahead_ = 0;                      // jobs that were made pending, and not claimed since
  std::int64_t found_ = 0;                     // as Load::jobs, at the last look
  bool waits_ = false;                         // for that lease, which was said

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
