// Whether any job is left to claim or under way. A drain ends when there is none. Only values: no mutex, no
// clock, no thread.
//
// A claim that finds nothing shows that nothing is left only if no job became claimable while it ran. So each
// claim takes a mark when it begins, which tells at its end what happened in between.
#pragma once

#include <cstdint>

namespace sluice::engine {

class DrainEnd {
 public:
  struct Mark {
    std::uint64_t arrivals = 0;
    std::uint64_t invalidations = 0;
  };

  Mark begin_claim() {
    ++open_;
    return now_;
  }
  void end_claim(std::int64_t jobs) {
    --open_;
    unwritten_ += jobs;
  }
  /// Brackets a change that makes jobs pending; `any`: some were.
  void begin_change() { ++open_; }
  void end_change(bool any) {
    --open_;
    if (any) arrive();
  }
  /// Jobs became claimable.
  void arrive() { ++now_.arrivals; }
  /// Jobs that sweeps did not find, including those under way, may exist nevertheless.
  void invalidate() { ++now_.invalidations; }
  /// This many outcomes are written, or no longer awaited.
  void write(std::int64_t outcomes) { unwritten_ -= outcomes; }

  /// Jobs came since, and the claim may not have seen them.
  bool is_stale(Mark mark) const { return mark.arrivals != now_.arrivals; }
  /// A sweep of that time may have missed other rows.
  bool is_invalid(Mark mark) const { return mark.invalidations != now_.invalidations; }
  bool is_written() const { return unwritten_ == 0; }
  /// No job is claimed, and none is being claimed or made claimable.
  bool is_idle() const { return is_written() && open_ == 0; }

 private:
  Mark now_;
  int open_ = 0;                // claims and changes under way
  std::int64_t unwritten_ = 0;  // claimed jobs whose outcome is not written
};

}  // namespace sluice::engine
