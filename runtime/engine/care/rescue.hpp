// Takes back the jobs of runtimes that are lost. One thread uses it.
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
    bool drain = false;  ///< which does not end while there are jobs of others that it may take back soon
  };

  explicit Rescue(const Context& context) : context_(context), change_(context.lanes) {}

  bool is_due(Clock::time_point now) const { return now >= next_; }
  /// One round, as `runtime`. Returns whether any job is pending again. Throws what the store throws.
  bool run(store::CareSession& session, store::RuntimeId runtime);

 private:
  void report(const store::Rescued& rescued);

  const Context context_;
  PendingChange change_;                // open while a drain waits for the lease of others
  Clock::time_point next_{};            // when the next round is due
  Clock::time_point next_complaint_{};  // about a job whose rescue is refused
  bool waits_ = false;                  // for that lease, which was said
};

}  // namespace sluice::engine
