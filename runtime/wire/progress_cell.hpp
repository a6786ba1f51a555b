// The last progress report of a slot's job: a cell in the shared page, which the host writes and the runtime
// reads. A report costs a few stores and no system call, however often a handler reports. Only the last one
// is kept.
//
// Only one thread at a time may write. The reader never waits: while the writer writes, or after it died
// while writing, there is nothing to read.
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

  /// Stores a report of the job of `ticket`.
  void write(std::uint32_t ticket, double fraction, std::string_view note);
  /// Clears the cell: no job has reported anything.
  void clear();
  /// The last report of the job of `ticket`.
  std::optional<Word> read(std::uint32_t ticket) const;

 private:
  using Number = std::atomic<std::uint64_t>;

  /// Odd while the other members are being written.
  Number version_;
  Number ticket_;  ///< the ticket plus 1; 0: none
  Number fraction_;
  Number length_;
  std::array<Number, longest_note / sizeof(std::uint64_t)> note_;
};

static_assert(ProgressCell::longest_note % sizeof(std::uint64_t) == 0);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace sluice::wire
