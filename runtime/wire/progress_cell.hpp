// What the job of one slot last said of its progress: a cell in the shared page, which the host writes and
// the runtime reads. Saying it costs a few stores and no system call, however often a handler does so; only
// the last word is kept.
//
// One thread at a time may write. The reader never waits: while the writer is at it, or died in the
// middle of it, there is nothing to read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::wire {

class ProgressCell {
 public:
  struct Word {
    double fraction = 0;  ///< 0 to 1
    std::string note;     ///< valid UTF-8
  };

  static constexpr std::size_t longest_note = 216;  ///< in bytes; longer ones are cut

  /// The job of `ticket` says this.
  void write(std::uint32_t ticket, double fraction, std::string_view note);
  /// No job says anything.
  void clear();
  /// What the job of `ticket` said last.
  std::optional<Word> read(std::uint32_t ticket) const;

 private:
  using Number = std::atomic<std::uint64_t>;

  /// Odd while the others are written.
  Number version_;
  Number ticket_;  ///< 1 more than it; 0: none
  Number fraction_;
  Number length_;
  std::array<Number, longest_note / sizeof(std::uint64_t)> note_;
};

static_assert(ProgressCell::longest_note % sizeof(std::uint64_t) == 0);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace sluice::wire
