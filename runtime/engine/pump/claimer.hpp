// The claimer of a pump: a thread with a connection that claims jobs wherever there is room for them, and
// hands them to their plugins. On the same connection it hears of new ones, so that the server process that
// claims them is awake already.
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
  /// Claims wait while `finisher` has too much to write. `listens`: it hears of new jobs.
  Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher, bool listens);

  /// Looks again whether something may be claimed. [any-thread]
  void poke();
  /// Claims no more. [any-thread]
  void stop();

 private:
  void run();
  bool wait_for_room();
  bool has_room(Clock::time_point now) const;
  void listen(Clock::time_point until);
  void wait_to_retry(int failures);
  void claim();
  void claim_once();
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
  bool notified_ = false;  ///< since the last claim

  base::Thread thread_;
};

}  // namespace sluice::engine
