// The claimer of a pump: a thread with a connection that claims jobs wherever there is room for them, and
// hands them to their plugins. It also listens for new jobs on that connection, so the server process that
// will claim them is already awake.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/threads.hpp"
#include "engine/pump/finisher.hpp"
#include "engine/pump/pump_context.hpp"
#include "engine/pump/waker.hpp"

namespace sluice::engine {

class Claimer {
 public:
  /// Claims wait while `finisher` has too much to write. `listens`: it listens for new jobs.
  Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher, bool listens);

  /// Checks again whether a claim may be made. [any-thread]
  void poke();
  /// Stops claiming. [any-thread]
  void stop();

 private:
  void run();
  bool wait_for_room();
  bool has_room(Clock::time_point now) const;
  void listen(Clock::time_point until);
  void wait_to_retry(int failures);
  void claim();
  void claim_once();
  void reconcile();
  store::Claimed ask(const std::vector<ClaimPlan>& plans);
  void hand_over(store::Claimed claimed, const std::vector<ClaimPlan>& plans, Clock::duration took);
  void enlist_again();
  void use(store::RuntimeId runtime);

  // constant
  const std::uint32_t pump_;
  const bool listens_;
  const PumpContext& context_;
  Finisher& finisher_;
  const std::unique_ptr<store::ClaimSession> session_;
  std::atomic<bool> stopping_ = false;

  // used by the thread alone
  store::RuntimeId runtime_ = 0;
  Waker waker_;
  bool notified_ = false;    ///< since the last claim
  bool lost_ = false;        ///< the connection failed since the last reconciliation
  std::int64_t newest_ = 0;  ///< claim

  base::Thread thread_;
};

}  // namespace sluice::engine
