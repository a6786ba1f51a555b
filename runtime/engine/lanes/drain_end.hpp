// Whether anything is left to claim, or under way: what the end of a drain waits for. Values alone: no mutex,
// no clock, no thread.
//
// A claim that finds nothing shows that nothing is left only if no job became claimable while it ran. So each
// takes a mark as it begins, which tells at its end what happened meanwhile.
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
  /// While jobs are being made pending; `any` were.
  void begin_change() { ++open_; }
  void end_change(bool any) {
    --open_;
    if (any) arrive();
  }
  /// Jobs became claimable.
  void arrive() { ++now_.arrivals; }
  /// What sweeps did not find, those under way among them, may be there all the same.
  void invalidate() { ++now_.invalidations; }
  /// So many outcomes are written, or nobody waits for them any more.
  void write(std::int64_t outcomes) { unwritten_ -= outcomes; }

  /// Jobs came since, which the claim may not have seen.
  bool is_stale(Mark mark) const { return mark.arrivals != now_.arrivals; }
  /// A sweep of then may have missed others.
  bool is_invalid(Mark mark) const { return mark.invalidations != now_.invalidations; }
  bool is_written() const { return unwritten_ == 0; }
  /// Nothing is claimed, and nothing is being claimed or made claimable.
  bool is_idle() const { return is_written() && open_ == 0; }

 private:
  Mark now_;
  int open_ = 0;                // claims and changes under way
  std::int64_t unwritten_ = 0;  // claimed jobs whose outcome is not written
};

}  // namespace sluice::engine
