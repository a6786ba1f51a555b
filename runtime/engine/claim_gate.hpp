// Where the claiming thread of a pump waits: for room in the lanes of its mode, for time to pass after a
// failure, and for the end.
#pragma once

#include <condition_variable>
#include <mutex>

#include "engine/finisher.hpp"
#include "engine/pump_context.hpp"

namespace sluice::engine {

class ClaimGate {
 public:
  /// Claims wait while `finisher` has too much to write.
  ClaimGate(const PumpContext& context, const Finisher& finisher, ClaimMode mode)
      : context_(context), finisher_(finisher), mode_(mode) {}

  /// Something may have changed. [any-thread]
  void poke();
  /// Nothing is waited for any more. [any-thread]
  void stop();
  bool stopping() const;

  /// Returns when something may be claimed; false when the pump stops.
  bool wait_for_room();
  /// After so many failures in a row.
  void wait_to_retry(int failures);

 private:
  bool claimable(Clock::time_point now) const;

  const PumpContext& context_;
  const Finisher& finisher_;
  const ClaimMode mode_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool poked_ = false;  // protected by mutex_, like the next
  bool stopping_ = false;
};

}  // namespace sluice::engine
