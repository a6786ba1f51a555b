// Takes back the jobs of lost runtimes. For one thread.
#pragma once

#include "config/config.hpp"
#include "engine/care/heart.hpp"
#include "engine/care/pending_change.hpp"
#include "engine/lanes/lanes.hpp"
#include "engine/watch/summary.hpp"
#include "store/care.hpp"

namespace sluice::engine {

class Rescue {
 public:
  struct Context {
    const config::Config& config;
    Lanes& lanes;
    Heart& heart;
    Tally& tally;
    bool drain = false;  ///< a drain does not end while other runtimes have jobs that it may soon take back
  };

  explicit Rescue(const Context& context) : context_(context), change_(context.lanes) {}

  bool is_due(Clock::time_point now) const { return now >= next_; }
  /// One round, on behalf of `runtime`. Returns whether any job became pending again. Throws what the store
  /// throws.
  bool run(store::CareSession& session, store::RuntimeId runtime);

 private:
  void report(const store::Rescued& rescued);

  const Context context_;
  PendingChange change_;                // open while a drain waits for the leases of other runtimes
  Clock::time_point next_{};            // when the next round is due
  Clock::time_point next_complaint_{};  // when a refused rescue is next logged
  bool waits_ = false;                  // waits for those leases, which has been logged
};

}  // namespace sluice::engine
