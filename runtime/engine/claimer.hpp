// The claimer of a pump: a thread with a connection that claims jobs wherever there is room for them.
#pragma once

#include <memory>
#include <thread>

#include "engine/claim_gate.hpp"
#include "engine/finisher.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class Claimer {
 public:
  Claimer(std::uint32_t pump, const PumpContext& context, Finisher& finisher);

  /// Looks again whether something may be claimed. [any-thread]
  void poke() { gate_.poke(); }
  /// Claims no more. [any-thread]
  void stop() { gate_.stop(); }

 private:
  void run();
  void claim();
  void claim_once();
  void enlist_again();
  void use(store::RuntimeId runtime);

  const std::uint32_t pump_;
  const PumpContext& context_;
  Finisher& finisher_;

  // used by the thread alone
  std::unique_ptr<store::ClaimSession> session_;
  store::RuntimeId runtime_ = 0;

  ClaimGate gate_;
  std::jthread thread_;
};

}  // namespace sluice::engine
