// The claimer of a pump: a thread with a connection that claims jobs wherever there is room for them, and
// hands them to their plugins.
#pragma once

#include <memory>
#include <vector>

#include "base/threads.hpp"
#include "engine/finisher.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class Claimer {
 public:
  /// Claims wait while `finisher` has too much to write.
  Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher);

  /// Looks again whether something may be claimed. [any-thread]
  void poke();
  /// Claims no more. [any-thread]
  void stop();

 private:
  void run();
  bool wait_for_room();
  void wait_to_retry(int failures);
  bool stopping() const;
  void claim();
  void claim_once();
  store::Claimed ask(const std::vector<Reservation>& lanes);
  void hand_over(store::Claimed claimed, const std::vector<Reservation>& lanes, Clock::duration took);
  void enlist_again();
  void use(store::RuntimeId runtime);

  // constant
  const std::uint32_t pump_;
  const PumpContext& context_;
  Finisher& finisher_;

  // used by the thread alone
  std::unique_ptr<store::ClaimSession> session_;
  store::RuntimeId runtime_ = 0;

  mutable base::Mutex mutex_;
  base::Condition changed_;
  bool poked_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;

  base::Thread thread_;
};

}  // namespace sluice::engine
