// The caretaker: a thread that keeps the runtime alive in the database (heartbeat), makes due jobs
// pending, rescues the jobs of runtimes that are lost, writes what the runtime shows, and tidies up.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/config.hpp"
#include "engine/outage.hpp"
#include "engine/presence.hpp"
#include "engine/router.hpp"
#include "engine/summary.hpp"
#include "store/store.hpp"

namespace sluice::engine {

class Caretaker {
 public:
  struct Context {
    store::Store& store;
    const base::Config& config;
    Router& router;
    Outage& outage;
    Tally& tally;
    Presence& presence;
    store::RuntimeInfo info;
    std::function<void()> became_pending;  ///< jobs that wait may be claimed now; on the caretaker's thread
    /// Jobs of this runtime that someone wants to end; told again and again until they are gone.
    std::function<void(std::vector<std::string> ids)> cancel;
  };

  /// Enlists the runtime; throws what the store throws.
  explicit Caretaker(Context context);
  /// Ends the runtime's row.
  ~Caretaker();

  /// As PumpContext::runtime. [any-thread]
  store::RuntimeId runtime(store::RuntimeId fenced);
  /// Says which types are served from now on. [any-thread]
  void serve(std::vector<store::ServedType> types);
  /// Announces `text` to whoever listens, as soon as may be. [any-thread]
  void announce(std::string text);
  /// These jobs ran, or began to, and their outcome was not written: at the end they are not given back as if
  /// they had not. [any-thread]
  void unwritten(std::vector<std::string> ids);
  /// The runtime stops: runtime() waits no more. [any-thread]
  void let_go();

 private:
  void run(const std::stop_token& stop);
  void look_after();
  void beat();
  void enlist();
  void enlist_anew();
  void make_announcements();
  void promote();
  void cancel_requested();
  void rescue();
  template <class Change>
  void make_pending(Change change);
  void report(const store::Rescued& rescued) const;

  const Context context_;

  // used by the caretaker's thread alone
  std::unique_ptr<store::CareSession> session_;
  Clock::time_point next_beat_{};
  Clock::time_point next_rescue_{};
  Clock::time_point next_tidy_{};
  int failures_ = 0;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  store::RuntimeId runtime_ = 0;  // protected by mutex_, like all below
  std::optional<std::vector<store::ServedType>> to_serve_;
  std::vector<store::ServedType> served_;
  std::vector<std::string> to_announce_;
  store::Unwritten unwritten_;
  bool enlist_ = false;
  bool let_go_ = false;

  std::jthread thread_;
};

}  // namespace sluice::engine
