// The claimer of a pump: a thread with a connection that claims jobs wherever there is room for them.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/finisher.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class Claimer {
 public:
  Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher);

  /// Looks again whether something may be claimed. [any-thread]
  void poke();
  /// Claims no more. [any-thread]
  void stop();

 private:
  void run();
  bool wait_for_room();
  bool claimable(Clock::time_point now) const;
  void claim();
  void claim_once();
  void enlist_again();
  void wait_to_retry(int failures);
  bool stopping() const;

  const std::uint32_t pump_;
  const PumpContext& context_;
  Finisher& finisher_;

  // used by the thread alone
  std::unique_ptr<store::ClaimSession> session_;
  store::RuntimeId runtime_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool poked_ = false;  // protected by mutex_, like the next
  bool stopping_ = false;

  std::jthread thread_;
};

}  // namespace sluice::engine
